//! How far a long run is: a bar on a terminal, a line at its end.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much there is to do, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    Bytes(u64),
    Rows(u64),
    Unknown,
}

/// What became of the rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub rows: u64,
    pub refused: u64,
    pub dropped: u64,
}

/// Shows a tally while it grows.
pub struct Progress {
    bar: ProgressBar,
    total: Total,
    begun: Instant,
}

impl Progress {
    /// Begins. Nothing is drawn where standard error is no terminal.
    pub fn begin(total: Total) -> Progress {
        let (bar, template) = match total {
            Total::Bytes(n) | Total::Rows(n) => {
                (ProgressBar::new(n), "{bar:20} {percent:>3} %  {msg}  {elapsed_precise} (ETA {eta})")
            }
            Total::Unknown => (ProgressBar::no_length(), "{spinner} {msg}  {elapsed_precise}"),
        };
        // Ten times a second is as often as anybody reads, and costs nothing beside the scoring.
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        bar.set_draw_target(target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, total, begun: Instant::now() }
    }

    /// Shows how far it is.
    pub fn show(&self, tally: Tally, bytes_read: u64) {
        if self.bar.is_hidden() {
            return;
        }
        match self.total {
            Total::Bytes(_) => self.bar.set_position(bytes_read),
            Total::Rows(_) => self.bar.set_position(tally.rows),
            Total::Unknown => self.bar.tick(),
        }
        self.bar.set_message(rate(tally.rows, self.begun.elapsed()));
    }

    /// Clears the bar; says what was done where a terminal shows it or it was asked for.
    pub fn end(self, tally: Tally, asked: bool) {
        self.bar.finish_and_clear();
        if asked || std::io::stderr().is_terminal() {
            eprintln!("forebay: {}", summary(tally, self.begun.elapsed()));
        }
    }
}

fn summary(tally: Tally, took: Duration) -> String {
    let mut text = rate(tally.rows, took);
    for (count, what) in [(tally.refused, "refused"), (tally.dropped, "dropped")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    format!("{text}, {:.2} s", took.as_secs_f64())
}

fn rate(rows: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(1e-9);
    format!("{rows} rows ({:.0} rows/s)", rows as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_was_lost_and_only_that() {
        let second = Duration::from_secs(2);
        let tally = |refused, dropped| Tally { rows: 10, refused, dropped };
        assert_eq!(summary(tally(0, 0), second), "10 rows (5 rows/s), 2.00 s");
        assert_eq!(summary(tally(1, 2), second), "10 rows (5 rows/s), 1 refused, 2 dropped, 2.00 s");
    }
}
