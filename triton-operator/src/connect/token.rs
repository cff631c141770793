//! A token that stands in a file, as client-go reads it: without the white space around it, and before the one that
//! stands in the kubeconfig (client-go: `transport.NewCachedFileTokenSource`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request};
use kube::config::AuthInfo;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::util::MapRequestLayer;

/// How long what was read counts: whoever rotates a token lets the old one live for longer.
const READ_FOR: Duration = Duration::from_secs(50);

/// The token in a file, read again from time to time.
pub(super) struct Token {
    file: PathBuf,
    /// The header, and when it was read.
    read: Mutex<(HeaderValue, Instant)>,
}

impl Token {
    /// Takes the file out of a configuration, where it is what counts: kube sends it as it stands there.
    ///
    /// # Errors
    /// When it cannot be read, or is empty, and no other token is given.
    pub(super) fn take(config: &mut kube::Config) -> anyhow::Result<Option<Self>> {
        let info = &mut config.auth_info;
        if info.username.is_some() || info.auth_provider.is_some() {
            return Ok(None);
        }
        let Some(file) = info.token_file.take().map(PathBuf::from) else { return Ok(None) };
        let fields = serde_json::to_value(&*info)?;
        (info.token, info.exec) = (None, None);
        let header = read(&file).or_else(|error| fields["token"].as_str().map_or(Err(error), bearer))?;
        Ok(Some(Self { file, read: Mutex::new((header, Instant::now())) }))
    }

    /// Puts it on every request.
    pub(super) fn layer<B>(self) -> MapRequestLayer<impl Fn(Request<B>) -> Request<B> + Clone> {
        let token = Arc::new(self);
        MapRequestLayer::new(move |mut request: Request<B>| {
            request.headers_mut().insert(AUTHORIZATION, token.header());
            request
        })
    }

    /// As it stands in the file; as it stood there, where that cannot be read now.
    fn header(&self) -> HeaderValue {
        let (header, since) = &mut *self.read.lock();
        if since.elapsed() >= READ_FOR {
            *since = Instant::now();
            if let Ok(new) = read(&self.file) {
                *header = new;
            }
        }
        header.clone()
    }
}

fn read(file: &Path) -> anyhow::Result<HeaderValue> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading the tokenFile {}", file.display()))?;
    ensure!(!text.trim().is_empty(), "the tokenFile {} is empty", file.display());
    bearer(text.trim()).with_context(|| format!("the tokenFile {} holds no token", file.display()))
}

/// Makes sure that the token that stands in a kubeconfig can be sent.
///
/// # Errors
/// When it holds what no header may, such as the end of a line.
pub(super) fn check(info: &AuthInfo) -> anyhow::Result<()> {
    let fields = serde_json::to_value(info)?;
    fields["token"].as_str().map_or(Ok(()), |token| bearer(token).map(|_| ()))
}

fn bearer(token: &str) -> anyhow::Result<HeaderValue> {
    let header = HeaderValue::try_from(format!("Bearer {token}"));
    let mut header = header.context("it holds the end of a line, or another character that no header may")?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_rotated_is_read_again_and_kept_where_it_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "one\n").unwrap();
        let mut config = kube::Config::new("http://api.test".parse().unwrap());
        config.auth_info.token_file = Some(file.to_str().unwrap().into());
        let token = Token::take(&mut config).unwrap().unwrap();
        // What the file holds then, how much later, and what is sent.
        for (holds, later, sent) in [
            (Some("two\n"), 49, "Bearer one"),
            (Some("two\n"), 1, "Bearer two"),
            (Some(" \n"), 50, "Bearer two"),
            (None, 50, "Bearer two"),
            (Some("three"), 50, "Bearer three"),
        ] {
            match holds {
                Some(text) => std::fs::write(&file, text).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            tokio::time::advance(Duration::from_secs(later)).await;
            assert_eq!(token.header(), sent, "{holds:?}");
        }
    }
}
