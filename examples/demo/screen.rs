//! What is shown: on a terminal a live view below the lines that were said, else a line per change.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;
use triton_core::model::{BatchReport, PullIn, Timestamp};
use triton_core::service::FlowView;
use triton_operator::clock::WallClock;

/// Where things are shown.
pub(crate) struct Screen<W> {
    out: W,
    /// On a terminal.
    live: bool,
    began: Timestamp,
    /// The flow as it was shown last.
    view: Option<FlowView>,
    /// Lines of the live view that stand on the terminal.
    drawn: usize,
    /// The last plain line, without its time.
    line: String,
}

impl<W: Write> Screen<W> {
    pub(crate) fn new(out: W, live: bool) -> Self {
        Self { out, live, began: WallClock.now(), view: None, drawn: 0, line: String::new() }
    }

    /// A line that stays.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        self.clear()?;
        writeln!(self.out, "{line}")?;
        self.draw()
    }

    /// The last line, below everything else.
    pub(crate) fn end(&mut self, line: &str) -> Result<()> {
        self.drawn = 0;
        writeln!(self.out, "\n{line}")?;
        Ok(self.out.flush()?)
    }

    /// The flow has changed.
    pub(crate) fn show(&mut self, view: &FlowView) -> Result<()> {
        self.view = Some(view.clone());
        if self.live {
            return self.tick();
        }
        let line = plain(view);
        if line != self.line {
            let tenths = WallClock.now().micros_since(self.began) / 100_000;
            writeln!(self.out, "{:>4}.{} s  {line}", tenths / 10, tenths % 10)?;
            self.line = line;
        }
        Ok(())
    }

    /// Draws the live view anew.
    pub(crate) fn tick(&mut self) -> Result<()> {
        self.clear()?;
        self.draw()
    }

    fn clear(&mut self) -> Result<()> {
        if self.drawn > 0 {
            // Up so many lines, then clear to the end of the screen (ECMA-48: CPL, ED).
            write!(self.out, "\x1b[{}F\x1b[J", self.drawn)?;
            self.drawn = 0;
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        if let Some(view) = self.view.as_ref().filter(|_| self.live) {
            let block = block(view, WallClock.now());
            self.drawn = block.lines().count();
            // Long lines are cut instead of wrapped, or the count would be wrong (DECAWM).
            write!(self.out, "\x1b[?7l{block}\x1b[?7h")?;
        }
        Ok(self.out.flush()?)
    }
}

/// One line for a flow.
fn plain(view: &FlowView) -> String {
    let record = &view.record;
    let batch = record.conditions.last().map(title).unwrap_or_default();
    let waiting = record.waiting.as_ref().map(|waiting| waiting.message.as_str()).unwrap_or_default();
    let (ready, phase) = (record.updated_ready_replicas, record.phase.as_str());
    let line = format!("{phase:<13} {batch:<24} {ready} of {} pods in traffic  {waiting}", view.replicas);
    line.trim_end().into()
}

/// The live view: numbers as `kubectl get df` names them, then batches with their pods, then the wait.
fn block(view: &FlowView, now: Timestamp) -> String {
    let record = &view.record;
    let mut text = format!(
        "\n{}   {}\nREPLICAS {}   UPDATED_READY_REPLICAS {}   FINISHED_REPLICAS {}   BATCHES {}\n\n",
        view.id.name,
        record.phase,
        record.replicas,
        record.updated_ready_replicas,
        record.finished_replicas,
        record.batches,
    );
    for batch in &record.conditions {
        let _ = writeln!(text, "  {}", title(batch));
        for pod in &batch.pods {
            let traffic = if pod.pull_in_status == PullIn::PullInSucceeded { "in traffic" } else { "" };
            let (name, phase) = (pod.name.as_str(), format!("{:?}", pod.phase));
            let _ = writeln!(text, "    {name}  {:<15} {phase:<15} {traffic}", pod.ip);
        }
    }
    let begun = record.conditions.last().map_or(0, |batch| batch.batch);
    for number in begun + 1..=record.batches {
        let _ = writeln!(text, "  batch {number}");
    }
    if let Some(waiting) = &record.waiting {
        let left = (waiting.until.micros_since(now) + 999_999) / 1_000_000;
        let left = if waiting.reason == "Interval" { format!(": {left} s") } else { String::new() };
        let _ = writeln!(text, "\n  {}{left}", waiting.message);
    }
    text
}

fn title(batch: &BatchReport) -> String {
    let canary = if batch.canary { " canary" } else { "" };
    format!("batch {}{canary} {}", batch.batch, batch.phase)
}
