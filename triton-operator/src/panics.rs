//! A panic as an answer: whoever was asked goes on, and the panic is told.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

/// What a future answers, or the words that it panicked with.
///
/// # Errors
/// The words of the panic.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    // What a panic leaves half done is thrown away: the next look begins with what the API server holds.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| words(&*panic))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_in_its_own_words() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let of = |work| async move { caught::<()>(work).await.unwrap_err() };
        assert_eq!(of(async { panic!("plain") }.boxed()).await, "plain");
        assert_eq!(of(async { panic!("with {}", 1) }.boxed()).await, "with 1");
    }
}
