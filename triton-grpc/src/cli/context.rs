//! The namespace that kubectl would use.

use std::env;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use triton_core::model::Namespace;

use super::failure::Failure;

/// The part of a kubeconfig that says where its user works.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Config {
    current_context: String,
    contexts: Vec<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
    context: Context,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    namespace: Option<String>,
}

/// The namespace that was typed, else that of the current context, else `default`.
pub(super) fn namespace(typed: Option<&str>) -> Result<Namespace, Failure> {
    if let Some(typed) = typed {
        return Namespace::new(typed).map_err(|error| Failure::usage(format!("--namespace: {error}")));
    }
    let texts: Vec<String> = files().iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    let found = current(&texts).unwrap_or_else(|| "default".to_owned());
    let wrong = |error| Failure::new(format!("the kubeconfig's namespace: {error}"));
    Namespace::new(found).map_err(wrong).map_err(|failure| failure.hint("name one with --namespace"))
}

/// The files that kubectl reads: those of `KUBECONFIG`, else the one in the home folder.
fn files() -> Vec<PathBuf> {
    match env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) {
        Some(paths) => env::split_paths(&paths).collect(),
        None => env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect(),
    }
}

/// The namespace of the current context. As kubectl merges files, the first that says something wins.
fn current(texts: &[String]) -> Option<String> {
    let read = |text: &String| serde_norway::from_str::<Config>(text).ok();
    let configs: Vec<Config> = texts.iter().filter_map(read).collect();
    let current = configs.iter().map(|config| &config.current_context).find(|name| !name.is_empty())?;
    let mut contexts = configs.iter().flat_map(|config| &config.contexts);
    let context = contexts.find(|named| named.name == *current)?;
    context.context.namespace.clone().filter(|namespace| !namespace.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "current-context: blue\ncontexts:\n- name: green\n  context: {namespace: meadow}\n";
    const SECOND: &str = "current-context: green\ncontexts:\n- name: blue\n  context: {cluster: a, namespace: sky}\nusers: []\n";

    #[test]
    fn the_first_file_names_the_context_and_any_file_describes_it() {
        assert_eq!(current(&[FIRST.into(), SECOND.into()]), Some("sky".into()));
        assert_eq!(current(&[SECOND.into(), FIRST.into()]), Some("meadow".into()));
    }

    #[test]
    fn no_context_or_one_without_a_namespace_says_nothing() {
        assert_eq!(current(&[FIRST.into()]), None);
        assert_eq!(current(&["nonsense: [".into()]), None);
        assert_eq!(current(&["current-context: a\ncontexts: [{name: a, context: {}}]".into()]), None);
    }

    #[test]
    fn what_is_typed_is_taken_or_refused() {
        assert_eq!(namespace(Some("shop")).map(String::from), Ok("shop".into()));
        assert_eq!(namespace(Some("No")).unwrap_err().code, super::super::failure::USAGE);
    }
}
