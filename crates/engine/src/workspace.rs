//! [`Workspace`]: the memory that a thread runs a program in, and the ones that a thread keeps.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use crate::{ONE_ROWS, frame::Frame, program::Program};

/// The frames of one program: made when they are first needed, kept from run to run.
#[derive(Default)]
pub struct Workspace {
    one: Option<Frame>,
    tile: Option<Frame>,
    /// Of the program over the groups, where there is one.
    then: Option<Box<Workspace>>,
}

impl Workspace {
    pub fn new() -> Workspace {
        Workspace::default()
    }

    /// Returns the frame for so many rows: the small one for up to [`ONE_ROWS`], else one of at least a tile.
    pub(crate) fn frame(&mut self, program: &Program, rows: usize) -> &Frame {
        if rows <= ONE_ROWS {
            return self.one.get_or_insert_with(|| Frame::new(&program.layout, ONE_ROWS));
        }
        if self.tile.as_ref().is_none_or(|f| f.capacity() < rows) {
            self.tile = Some(Frame::new(&program.layout, rows.max(program.tile_rows)));
        }
        self.tile.as_ref().expect("made just above")
    }

    /// Returns the workspace of the program over the groups.
    pub(crate) fn then(&mut self) -> &mut Workspace {
        self.then.get_or_insert_default()
    }

    fn bytes(&self) -> usize {
        let own: usize = [&self.one, &self.tile].into_iter().flatten().map(Frame::bytes).sum();
        own + self.then.as_ref().map_or(0, |then| then.bytes())
    }
}

/// Workspaces that a thread keeps, the last used last.
struct Kept {
    entries: Vec<(u64, Weak<Program>, Workspace)>,
    uses: u32,
}

/// How often a thread looks whether it keeps too much: at every new workspace, and once in so many uses.
const USES: u32 = 256;

/// Most workspaces that a thread keeps.
const KEPT_MAX: usize = 64;

/// Bytes of workspaces that a thread keeps; the last used stays whatever its size.
const KEPT_BYTES_MAX: usize = 32 << 20;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept { entries: Vec::new(), uses: 0 }) };
}

/// Runs `f` with this thread's workspace for the program. Workspaces of programs that are gone are dropped on the way.
pub fn with_workspace<R>(program: &Arc<Program>, f: impl FnOnce(&mut Workspace) -> R) -> R {
    let found = KEPT.with_borrow_mut(|kept| {
        let at = kept.entries.iter().rposition(|(id, _, _)| *id == program.id)?;
        Some(kept.entries.remove(at))
    });
    let is_new = found.is_none();
    let (id, weak, mut workspace) = found.unwrap_or_else(|| (program.id, Arc::downgrade(program), Workspace::new()));
    let result = f(&mut workspace);
    KEPT.with_borrow_mut(|kept| {
        kept.entries.push((id, weak, workspace));
        kept.uses = kept.uses.wrapping_add(1);
        if is_new || kept.uses.is_multiple_of(USES) {
            kept.shrink();
        }
    });
    result
}

impl Kept {
    fn shrink(&mut self) {
        self.entries.retain(|(_, program, _)| program.strong_count() > 0);
        let mut bytes: usize = self.entries.iter().map(|(_, _, w)| w.bytes()).sum();
        while self.entries.len() > 1 && (self.entries.len() > KEPT_MAX || bytes > KEPT_BYTES_MAX) {
            bytes -= self.entries.remove(0).2.bytes();
        }
    }
}
