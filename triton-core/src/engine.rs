//! The verbs: two pure functions decide everything, [`decide()`] what happens next and [`admit()`] what a
//! person may ask. Nothing here reads a clock, draws a number or talks to the world.
#![cfg_attr(
    not(test),
    forbid(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        clippy::wildcard_enum_match_arm
    )
)]

#[cfg(test)]
mod action_tests;
mod admit;
mod after;
#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod behind_tests;
mod closing;
#[cfg(test)]
mod closing_tests;
mod decide;
mod decision;
mod drift;
#[cfg(test)]
mod fixtures;
mod forecast;
#[cfg(test)]
mod found_tests;
mod gate;
mod goal;
#[cfg(test)]
mod grace_tests;
mod guard;
mod history;
mod line;
mod look;
#[cfg(test)]
mod lost_tests;
mod phrases;
mod prepare;
#[cfg(test)]
mod prepare_tests;
mod report;
mod resized;
mod rolling;
#[cfg(test)]
mod rule_tests;
mod shape;
mod stopped;
mod table;
mod tend;
mod unread;
mod until;

pub use admit::{Answer, Refusal, admit, edit, gives_up, supersede, yields};
pub use after::{rollback_revision, rollback_target, size, unended, unproven};
pub use decide::{begins, decide, keep, keeps_for};
pub(crate) use decision::LOOK_AGAIN;
pub use decision::{Decision, Effect, Time, Waiting, Why};
pub(crate) use drift::is_passed_on;
pub use forecast::{Coming, Forecast, Found, forecast_from};
pub use goal::{Goal, batch_size, batches, goal, plan};
pub use guard::{rests_on_pods, tells_of_pods};
pub use history::surplus;
pub use line::place;
pub use look::{exchange, look};
pub use prepare::size_to_reach;
pub use report::{Seen, cause, late, newly_stuck, report};
pub use rolling::besides;
pub use table::{Row, Until, of as row};
pub use unread::{unread, unread_report};
