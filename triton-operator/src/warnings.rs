//! What the API server warns of, such as fields that will be removed: in the log, each text once.

use std::collections::BTreeSet;

use axum::http::{HeaderValue, Response};
use parking_lot::Mutex;

/// Texts that were logged; no more than this are remembered, and then the log may repeat one.
const REMEMBERED: usize = 256;

static LOGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Logs the header `Warning` of an answer (Kubernetes: "Warnings" in the API concepts) and passes the answer on.
pub(crate) fn log<B>(response: Response<B>) -> Response<B> {
    for warning in response.headers().get_all("warning") {
        if let Some(text) = news(warning) {
            tracing::warn!(warning = text, "the API server warns");
        }
    }
    response
}

/// The text of a header that was not logged before.
fn news(warning: &HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(warning.as_bytes()).into_owned();
    let mut logged = LOGGED.lock();
    if logged.len() >= REMEMBERED {
        logged.clear();
    }
    logged.insert(text.clone()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_logged_once() {
        let warning = HeaderValue::from_static(r#"299 - "unrecognized format \"uint64\"""#);
        assert_eq!(news(&warning).as_deref(), Some(r#"299 - "unrecognized format \"uint64\"""#));
        assert_eq!(news(&warning), None);
    }
}
