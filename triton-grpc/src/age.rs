//! How old what is answered is: told with every answer, over gRPC as metadata, over REST as a header.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::codegen::http::{HeaderMap, HeaderValue};

/// Whole seconds since whoever answers heard of the cluster last, of the kind for which that is longest.
const AGE: &str = "triton-view-age-seconds";
/// The kind for which that is too long; absent while nothing is too old.
const STALE: &str = "triton-view-stale";

/// How old a view is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewAge {
    /// Time since the last news.
    pub age: Duration,
    /// The kind that was not heard of for too long, if one was not.
    pub stale: Option<String>,
}

impl ViewAge {
    /// What an answer tells of its age; `None` where it tells nothing.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name)?.to_str().ok();
        let age = Duration::from_secs(text(AGE)?.parse().ok()?);
        Some(Self { age, stale: text(STALE).map(str::to_owned) })
    }

    /// Tells it with an answer.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(AGE, HeaderValue::from(self.age.as_secs()));
        if let Some(kind) = self.stale.as_deref().and_then(|kind| HeaderValue::from_str(kind).ok()) {
            headers.insert(STALE, kind);
        }
    }
}

/// Where a server learns how old what it answers is. By default it tells nothing.
#[derive(Clone, Default)]
pub struct Age(Option<Arc<dyn Fn() -> Option<ViewAge> + Send + Sync>>);

impl Age {
    /// Asks for every answer anew.
    pub fn new(ask: impl Fn() -> Option<ViewAge> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ask)))
    }

    /// The age of now; `None` where nothing is told.
    #[must_use]
    pub fn now(&self) -> Option<ViewAge> {
        self.0.as_ref().and_then(|ask| ask())
    }

    /// Tells the age of now with an answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if let Some(age) = self.now() {
            age.tell(headers);
        }
    }
}

impl fmt::Debug for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Age").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_as_it_was_told() {
        for stale in [None, Some("pods".to_owned())] {
            let told = ViewAge { age: Duration::from_secs(80), stale };
            let mut headers = HeaderMap::new();
            told.tell(&mut headers);
            assert_eq!(ViewAge::of(&headers), Some(told));
        }
        assert_eq!(ViewAge::of(&HeaderMap::new()), None);
    }
}
