//! Where answers go, and in which colours.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::time::SystemTime;

use serde_json::Value;
use triton_core::model::Timestamp;

use super::args::Format;
use super::failure::Failure;
use super::object;

/// Where a command writes.
pub(super) struct Screen<'a> {
    /// Answers.
    pub(super) out: &'a mut dyn Write,
    /// Everything that is not the answer.
    pub(super) notes: &'a mut dyn Write,
    /// Colours.
    pub(super) paint: Paint,
    /// How to print.
    pub(super) format: Format,
    /// The time.
    pub(super) clock: fn() -> Timestamp,
}

impl Screen<'_> {
    /// A line of the answer.
    pub(super) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// A line beside the answer.
    pub(super) fn note(&mut self, line: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.notes, "{line}")?)
    }

    /// Prints objects where they were asked for; `false` when it is people who read.
    pub(super) fn objects(&mut self, objects: &[Value], single: bool) -> Result<bool, Failure> {
        let all = match objects {
            [one] if single => one.clone(),
            _ => object::list(objects),
        };
        match self.format {
            Format::Text | Format::Wide => return Ok(false),
            Format::Json => self.line(serde_json::to_string_pretty(&all)?)?,
            Format::Yaml => write!(self.out, "{}", yaml(&all)?)?,
            Format::Name => {
                for object in objects {
                    self.line(object::name(object))?;
                }
            }
        }
        Ok(true)
    }

    /// Tells of a failure beside the answer, and answers the exit code of the program.
    pub(super) fn failure(&mut self, failure: &Failure) -> ExitCode {
        if failure.silent {
            return ExitCode::SUCCESS;
        }
        // Where nobody can be told, the exit code still tells.
        if self.format == Format::Json {
            let _ = writeln!(self.notes, "{}", failure.object());
            return ExitCode::from(failure.code);
        }
        let error = self.paint.text(Tone::Bad, "error:");
        let _ = writeln!(self.notes, "{error} {}", failure.message);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(self.notes, "  {} {hint}", self.paint.text(Tone::Faint, "try:"));
        }
        ExitCode::from(failure.code)
    }

    /// Whether more columns are wanted.
    pub(super) fn wide(&self) -> bool {
        self.format == Format::Wide
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// Colours, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Paint(bool);

/// What a text says, by its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Something goes on, or somebody is waited for.
    Busy,
    /// Something failed.
    Bad,
    /// Less important.
    Faint,
    /// A title.
    Title,
}

/// YAML that kubectl reads as it was meant: texts that YAML 1.1 has for booleans, numbers or times stand in quotes.
pub(super) fn yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(|error| Failure::new(error.to_string()))
}

impl Paint {
    /// On a terminal, and not where `NO_COLOR` is set (<https://no-color.org>).
    pub(super) fn on(terminal: bool) -> Self {
        Self(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
    }

    /// Everywhere.
    #[cfg(test)]
    pub(super) const fn always() -> Self {
        Self(true)
    }

    /// Whether there are any.
    pub(super) const fn is_on(self) -> bool {
        self.0
    }

    /// The text in its colour (ECMA-48: SGR).
    pub(super) fn text(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Busy => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Title => "1",
        };
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the one place where this program asks for the time")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_there_are_no_colours() {
        assert_eq!(Paint::on(false).text(Tone::Bad, "x"), "x");
        assert_eq!(Paint(true).text(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(Paint(true).text(Tone::Bad, ""), "");
    }
}
