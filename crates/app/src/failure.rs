//! How a command ends other than well: one line on standard error, and an exit code that says whose fault it is.

use std::{fmt::Display, io, process::ExitCode};

use codec::CodecError;

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The model, the input or a row of it is refused.
    Refused(String),
    /// The arguments or the configuration are not what they should be.
    Usage(String),
    /// The reader of our output went away: nothing is left to say, and nobody to say it to.
    PipeClosed,
    /// SIGINT came.
    Interrupted,
    /// SIGTERM came.
    Terminated,
    /// What went wrong was told where it happened, case by case.
    Told,
}

impl Failure {
    pub fn refused(message: impl Display) -> Failure {
        Failure::Refused(message.to_string())
    }

    pub fn usage(message: impl Display) -> Failure {
        Failure::Usage(message.to_string())
    }

    /// Returns the failure of writing an answer.
    pub fn writing(what: impl Display, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::PipeClosed,
            _ => Failure::refused(format_args!("cannot write {what}: {error}")),
        }
    }

    /// Returns the failure of a sink.
    pub fn sink(what: impl Display, error: CodecError) -> Failure {
        match error {
            CodecError::Io(error) => Failure::writing(what, &error),
            error => Failure::refused(format_args!("{what}: {error}")),
        }
    }

    /// Returns the exit code.
    pub fn code(&self) -> ExitCode {
        match self {
            Failure::Refused(_) | Failure::Told => ExitCode::from(1),
            Failure::Usage(_) => ExitCode::from(2),
            Failure::PipeClosed => ExitCode::SUCCESS,
            Failure::Interrupted => ExitCode::from(130),
            Failure::Terminated => ExitCode::from(143),
        }
    }

    /// Says on standard error what went wrong; returns the exit code.
    pub fn report(&self) -> ExitCode {
        if let Failure::Refused(message) | Failure::Usage(message) = self {
            eprintln!("forebay: error: {}", single_line(message));
        }
        self.code()
    }
}

/// Returns the message on one line, whatever the input put into it.
fn single_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_on_one_line() {
        assert_eq!(single_line("row 3: got \"a\nb\u{1b}[2J\""), "row 3: got \"a b [2J\"");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = CodecError::Io(io::ErrorKind::BrokenPipe.into());
        assert!(matches!(Failure::sink("x", closed), Failure::PipeClosed));
    }
}
