//! Room for pages that is used again. A page needs about as much as the one before, and memory that is fresh is slow to come by: the
//! system clears it, piece by piece, as it is touched.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

/// Bytes that are kept for later, most of them.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// Rooms that are kept, most of them: each is looked at when one is asked for, and a file may have any number of columns.
const KEPT_MAX: usize = 64;

/// Room is not used for less than this part of it.
const USED_PART: usize = 8;

/// Room has so much to spare, as a part of it: the next page may be a little longer.
const SPARE_PART: usize = 8;

/// What was lent and may be used again when it is no longer looked at.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    kept: Mutex<Vec<Arc<Vec<u8>>>>,
}

struct Lent(Arc<Vec<u8>>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Rooms {
    /// Returns so many bytes at least, whatever they are.
    pub(super) fn take(&self, len: usize) -> Vec<u8> {
        let mut kept = self.kept.lock().expect("looking does not panic");
        let fits = |room: &Arc<Vec<u8>>| (len..=len.saturating_mul(USED_PART)).contains(&room.len());
        let free = kept.iter().enumerate().filter(|(_, room)| fits(room) && Arc::strong_count(room) == 1);
        // A larger one is left to longer pages.
        let tightest = free.min_by_key(|(_, room)| room.len()).map(|(at, _)| at);
        let room = tightest.map(|at| kept.swap_remove(at)).and_then(|room| Arc::try_unwrap(room).ok());
        drop(kept);
        room.unwrap_or_else(|| vec![0; len + len / SPARE_PART])
    }

    /// Returns the first `len` bytes of the room, which comes back when nobody looks at them any more.
    pub(super) fn lend(&self, room: Vec<u8>, len: usize) -> Bytes {
        let room = Arc::new(room);
        let mut kept = self.kept.lock().expect("looking does not panic");
        let fits = |kept: &[Arc<Vec<u8>>]| {
            let held: usize = kept.iter().map(|room| room.len()).sum();
            kept.len() < KEPT_MAX && held + room.len() <= KEPT_BYTES_MAX
        };
        if !fits(&kept) {
            kept.retain(|room| Arc::strong_count(room) > 1);
        }
        if fits(&kept) {
            kept.push(room.clone());
        }
        Bytes::from_owner(Lent(room)).slice(..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_when_nobody_looks_at_it() {
        let rooms = Rooms::default();
        let mut room = rooms.take(1000);
        room[..3].copy_from_slice(b"one");
        let bytes = rooms.lend(room, 3);
        let part = bytes.slice(1..);
        drop(bytes);
        assert_eq!(rooms.take(1000)[..3], [0; 3]);
        assert_eq!(&part[..], b"ne");
        drop(part);
        // Neither for more than it has nor for much less.
        assert_eq!(rooms.take(1126)[..3], [0; 3]);
        assert_eq!(rooms.take(100)[..3], [0; 3]);
        let again = rooms.take(900);
        assert_eq!((&again[..3], again.len()), (&b"one"[..], 1125));
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let rooms = Rooms::default();
        let lent: Vec<Bytes> = (0..40).map(|_| rooms.lend(rooms.take(1 << 20), 5)).collect();
        assert_eq!(rooms.kept.lock().unwrap().len(), 28);
        drop(lent);
        rooms.lend(vec![0; 8 << 20], 5);
        assert_eq!(rooms.kept.lock().unwrap().len(), 1);
        let lent: Vec<Bytes> = (0..100).map(|_| rooms.lend(vec![0; 9], 5)).collect();
        assert_eq!(rooms.kept.lock().unwrap().len(), KEPT_MAX);
        drop(lent);
    }
}
