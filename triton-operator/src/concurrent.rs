//! Many requests at once, but not too many.

use std::future::Future;

use futures::StreamExt;
use futures::stream;
use triton_core::ports::PortError;

/// Requests of one set that are under way at the same time.
const LIMIT: usize = 16;

/// Does something for each item, up to sixteen at a time, and answers with the first error after all
/// were tried.
///
/// # Errors
/// The first one.
pub async fn each<T, F>(items: impl Iterator<Item = T>, job: impl Fn(T) -> F) -> Result<(), PortError>
where
    F: Future<Output = Result<(), PortError>>,
{
    let jobs: Vec<F> = items.map(job).collect();
    let answers = stream::iter(jobs).buffer_unordered(LIMIT);
    answers.fold(Ok(()), |first, next| async { first.and(next) }).await
}
