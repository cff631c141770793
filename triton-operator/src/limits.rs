//! How long to wait for the API server: one number, and everything that follows from it.

use std::time::Duration;

/// Time limits towards the API server, all shares of the oldest age of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    view: Duration,
}

impl Default for Limits {
    /// Views up to 75 s old, watches of 30 s, answers within 20 s.
    fn default() -> Self {
        Self::of_views(Duration::from_secs(75))
    }
}

impl Limits {
    /// The shortest age, which leaves a watch 3 s. Its opening and its end show that the API server is there; on
    /// a quiet cluster no bookmark comes in so short a watch.
    pub const SHORTEST: Duration = Duration::from_secs(8);

    /// Limits for views that may be so old; at least [`Limits::SHORTEST`].
    #[must_use]
    pub fn of_views(view: Duration) -> Self {
        Self { view: view.max(Self::SHORTEST) }
    }

    /// How old a view may be before nothing is decided on it any more.
    #[must_use]
    pub const fn view(self) -> Duration {
        self.view
    }

    /// How long one watch lasts, in whole seconds: a view that is well is heard of at least this often.
    #[must_use]
    pub fn watch(self) -> Duration {
        Duration::from_secs((self.view * 2 / 5).as_secs())
    }

    /// The longest time between two signs of life on a connection: a watch and a little more. It ends the
    /// unused connections of a pool, too.
    #[must_use]
    pub fn read(self) -> Duration {
        self.watch() + self.view / 15
    }

    /// The longest time until one page of a list is answered, or a watch is open.
    #[must_use]
    pub fn answer(self) -> Duration {
        self.view * 4 / 15
    }

    /// The longest time until a connection is open, or until a request is sent.
    #[must_use]
    pub fn connect(self) -> Duration {
        self.view * 2 / 15
    }

    /// The longest pause before a list is tried again.
    #[must_use]
    pub fn pause(self) -> Duration {
        self.view / 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_connection_is_noticed_and_replaced_before_the_view_is_too_old() {
        for view in [8, 10, 75, 600] {
            let limits = Limits::of_views(Duration::from_secs(view));
            assert!(limits.watch() >= Duration::from_secs(3), "{limits:?}");
            assert!(limits.watch() + limits.pause() < limits.read() + limits.answer(), "{limits:?}");
            assert!(limits.read() + limits.connect() + limits.answer() < limits.view(), "{limits:?}");
        }
        let limits = Limits::default();
        let seconds = [limits.watch(), limits.read(), limits.answer(), limits.connect(), limits.pause()];
        assert_eq!(seconds.map(|limit| limit.as_secs()), [30, 35, 20, 10, 15]);
        assert_eq!(Limits::of_views(Duration::ZERO).view(), Limits::SHORTEST);
    }
}
