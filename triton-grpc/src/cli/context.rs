//! The kubeconfig and the namespace that kubectl would use.

use std::fs;

use serde::Deserialize;
use triton_core::model::Namespace;

use super::args::Global;
use super::failure::Failure;
use super::yaml;
use crate::kubeconfig::files;

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

/// The namespace that was typed, else that of the context, else `default`. A kubeconfig or a context that was
/// typed has to be there.
pub(super) fn namespace(global: &Global) -> Result<Namespace, Failure> {
    let Global { namespace, kubeconfig, context, .. } = global;
    let mut texts = Vec::new();
    for file in files(kubeconfig.as_deref()) {
        match fs::read_to_string(&file) {
            Ok(text) => texts.push(text),
            Err(error) if kubeconfig.is_some() => {
                return Err(Failure::usage(format!("--kubeconfig {}: {error}", file.display())));
            }
            // That may be nobody's business: where it is, reading it again fails.
            Err(_) => {}
        }
    }
    let found = current(&texts, context.as_deref())?;
    if let Some(typed) = namespace {
        return Namespace::new(typed).map_err(|error| Failure::usage(format!("--namespace: {error}")));
    }
    let found = found.unwrap_or_else(|| "default".to_owned());
    let wrong = |error| Failure::new(format!("the kubeconfig's namespace: {error}"));
    Namespace::new(found).map_err(wrong).map_err(|failure| failure.hint("name one with --namespace"))
}

/// The namespace of a context, the current one where none is `wanted`. As kubectl merges files, the first that
/// says something wins.
fn current(texts: &[String], wanted: Option<&str>) -> Result<Option<String>, Failure> {
    let read = |text: &String| {
        let document = yaml::documents(text.as_bytes()).ok()?.into_iter().next()?;
        serde_json::from_value::<Config>(document).ok()
    };
    let configs: Vec<Config> = texts.iter().filter_map(read).collect();
    let mut current = configs.iter().map(|config| config.current_context.as_str());
    let Some(name) = wanted.or_else(|| current.find(|name| !name.is_empty())) else { return Ok(None) };
    let mut contexts = configs.iter().flat_map(|config| &config.contexts);
    match contexts.find(|named| named.name == name) {
        Some(named) => Ok(named.context.namespace.clone().filter(|namespace| !namespace.is_empty())),
        None if wanted.is_some() => {
            Err(Failure::usage(format!("--context {name}: the kubeconfig has no such context")))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const FIRST: &str = "current-context: blue\ncontexts:\n- name: green\n  context: {namespace: meadow}\n";
    const SECOND: &str = "current-context: green\ncontexts:\n- name: blue\n  context: {cluster: a, namespace: sky}\nusers: []\n";

    #[test]
    fn the_first_file_names_the_context_and_any_file_describes_it() {
        assert_eq!(current(&[FIRST.into(), SECOND.into()], None), Ok(Some("sky".into())));
        assert_eq!(current(&[SECOND.into(), FIRST.into()], None), Ok(Some("meadow".into())));
        assert_eq!(current(&[FIRST.into(), SECOND.into()], Some("green")), Ok(Some("meadow".into())));
    }

    #[test]
    fn no_context_or_one_without_a_namespace_says_nothing() {
        assert_eq!(current(&[FIRST.into()], None), Ok(None));
        assert_eq!(current(&["nonsense: [".into()], None), Ok(None));
        assert_eq!(
            current(&["current-context: a\ncontexts: [{name: a, context: {}}]".into()], None),
            Ok(None)
        );
        assert_eq!(current(&[FIRST.into()], Some("red")).unwrap_err().code, super::super::failure::USAGE);
    }

    #[test]
    fn what_is_typed_is_taken_or_refused() {
        let typed = |words: &[&str]| {
            let words = [&["kubectl-triton", "list"], words].concat();
            namespace(&super::super::args::Args::try_parse_from(words).unwrap().global)
        };
        assert_eq!(typed(&["-n", "shop"]).map(String::from), Ok("shop".into()));
        assert_eq!(typed(&["-n", "No"]).unwrap_err().code, super::super::failure::USAGE);
        assert_eq!(typed(&["--kubeconfig", "none"]).unwrap_err().code, super::super::failure::USAGE);
    }
}
