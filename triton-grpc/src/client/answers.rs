//! Streams of replies as streams of what they tell.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tonic::codec::Streaming;
use triton_core::service::ApiError;

use crate::status::from_status;

/// Reads one reply, which may tell several things; the flag is set for the first reply.
pub(super) type Read<R, T> = fn(R, bool) -> Result<Vec<T>, ApiError>;

/// A stream of replies as a stream of what they tell.
pub(super) struct Answers<R, T> {
    replies: Option<Streaming<R>>,
    read: Read<R, T>,
    first: bool,
    told: VecDeque<T>,
}

impl<R, T> Answers<R, T> {
    pub(super) fn new(replies: Streaming<R>, read: Read<R, T>) -> Self {
        Self { replies: Some(replies), read, first: true, told: VecDeque::new() }
    }
}

impl<R, T: Unpin> Stream for Answers<R, T> {
    type Item = Result<T, ApiError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.told.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(replies) = &mut this.replies else { return Poll::Ready(None) };
            let error = match ready!(Pin::new(replies).poll_next(cx)) {
                Some(Ok(reply)) => match (this.read)(reply, std::mem::take(&mut this.first)) {
                    Ok(told) => {
                        this.told = told.into();
                        continue;
                    }
                    Err(error) => Some(error),
                },
                Some(Err(status)) => Some(from_status(&status)),
                None => None,
            };
            this.replies = None;
            return Poll::Ready(error.map(Err));
        }
    }
}
