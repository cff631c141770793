//! The code of the product: the crates that are published, without tests, simulator and generated code.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta};

use crate::lines::Lines;
use crate::strip;
use crate::tree::File;

/// What is counted of one tree.
pub(crate) struct Product {
    /// Rust, one for each file.
    pub(crate) sources: Vec<Source>,
    /// The proto files.
    pub(crate) protos: Vec<File>,
}

/// A Rust file of the product, as a module.
pub(crate) struct Source {
    pub(crate) path: String,
    /// The file that is the root of its crate, and then the names of modules down to this one.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
    /// Without what is compiled for tests alone.
    pub(crate) code: syn::File,
    /// The same as tokens.
    pub(crate) tokens: TokenStream,
    pub(crate) lines: Lines,
}

impl Product {
    /// Follows the modules of every crate that is published, from its roots.
    ///
    /// # Errors
    /// When a file cannot be parsed, a module has no file, or nothing is found at all.
    pub(crate) fn new(files: &[File]) -> Result<Self> {
        let known: BTreeMap<&str, &str> = files.iter().map(|file| (&*file.path, &*file.text)).collect();
        let published = files
            .iter()
            .filter(|file| file.text.contains("[package]") && !file.text.contains("publish = false"));
        let crates: Vec<&str> = published.filter_map(|file| file.path.strip_suffix("Cargo.toml")).collect();
        let mut sources = Vec::new();
        for path in known.keys().filter(|path| is_root(path, &crates)) {
            let (folder, _) = path.rsplit_once('/').unwrap_or_default();
            follow(&known, path, folder, vec![(*path).to_owned()], &mut sources)?;
        }
        ensure!(!sources.is_empty(), "no file of the product was found");
        let is_proto = |file: &&File| {
            file.path.ends_with(".proto") && crates.iter().any(|folder| file.path.starts_with(folder))
        };
        let protos = files.iter().filter(is_proto).cloned().collect();
        Ok(Self { sources, protos })
    }
}

fn is_root(path: &str, crates: &[&str]) -> bool {
    crates.iter().filter_map(|folder| path.strip_prefix(folder)).any(|rest| {
        let program = rest.strip_prefix("src/bin/");
        matches!(rest, "src/lib.rs" | "src/main.rs")
            || program.is_some_and(|name| name.ends_with(".rs") && !name.contains('/'))
    })
}

/// Reads a file and the modules that it declares, whose files are in `folder`.
fn follow(
    known: &BTreeMap<&str, &str>,
    path: &str,
    folder: &str,
    module: Vec<String>,
    sources: &mut Vec<Source>,
) -> Result<()> {
    let text = known.get(path).with_context(|| format!("{path} is missing"))?;
    let file = syn::parse_file(text).with_context(|| format!("parsing {path}"))?;
    let Some(code) = strip::product(file).with_context(|| path.to_owned())? else { return Ok(()) };
    for item in &code.items {
        let Item::Mod(declared) = item else { continue };
        if declared.content.is_some() {
            continue;
        }
        let name = declared.ident.to_string();
        let (own, _) = path.rsplit_once('/').unwrap_or_default();
        // A file that is named by its path has its modules beside it.
        let (file, below) = match written_path(&declared.attrs) {
            Some(written) => {
                let file = format!("{own}/{written}");
                let beside = file.rsplit_once('/').map_or(own, |(folder, _)| folder).to_owned();
                (file, beside)
            }
            None => (format!("{folder}/{name}.rs"), format!("{folder}/{name}")),
        };
        let module = module.iter().cloned().chain([name]).collect();
        follow(known, &file, &below, module, sources).with_context(|| format!("a module of {path}"))?;
    }
    let tokens = code.to_token_stream();
    let lines = Lines::of(text, &tokens);
    sources.push(Source { path: path.to_owned(), module, text: (*text).to_owned(), code, tokens, lines });
    Ok(())
}

/// What `#[path = ".."]` says.
fn written_path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A product of one crate, `core`, with these files in its folder `src`.
    pub(crate) fn product(files: &[(&str, &str)]) -> Product {
        let manifest = File::sample("core/Cargo.toml", "[package]\n");
        let sources = files.iter().map(|(path, text)| File::sample(&format!("core/src/{path}"), text));
        Product::new(&sources.chain([manifest]).collect::<Vec<_>>()).expect("the sample can be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_followed_from_every_root_of_published_crates() -> Result<()> {
        let files = [
            File::sample("core/Cargo.toml", "[package]\n"),
            File::sample("core/src/lib.rs", "mod a;\n#[path = \"odd/b.rs\"]\nmod b;\nmod inner {}\n"),
            File::sample("core/src/a.rs", "mod c;\n"),
            File::sample("core/src/a/c.rs", ""),
            File::sample("core/src/odd/b.rs", "mod d;\n"),
            File::sample("core/src/odd/d.rs", ""),
            File::sample("core/src/main.rs", ""),
            File::sample("core/src/bin/tool.rs", ""),
            File::sample("core/src/lost.rs", ""),
            File::sample("core/tests/all.rs", ""),
            File::sample("core/a.proto", ""),
            File::sample("tools/Cargo.toml", "[package]\npublish = false\n"),
            File::sample("tools/src/main.rs", ""),
            File::sample("tools/b.proto", ""),
        ];
        let product = Product::new(&files)?;
        let mut modules: Vec<String> = product.sources.iter().map(|it| it.module.join(" ")).collect();
        modules.sort_unstable();
        let lib = "core/src/lib.rs";
        let below = ["", " a", " a c", " b", " b d"].map(|names| format!("{lib}{names}"));
        assert_eq!(
            modules,
            [&["core/src/bin/tool.rs".to_owned()], &below[..], &["core/src/main.rs".to_owned()]].concat()
        );
        assert_eq!(product.protos, [File::sample("core/a.proto", "")]);
        Ok(())
    }

    #[test]
    fn files_of_tests_are_no_product() {
        let lib = "#[cfg(test)]\nmod tests;\n#[cfg(feature = \"sim\")]\nmod sim;\n#[cfg(test)]\n\
            #[path = \"a_tests.rs\"]\nmod more;\nmod inner;\n";
        let product = samples::product(&[
            ("lib.rs", lib),
            ("tests.rs", ""),
            ("sim.rs", ""),
            ("a_tests.rs", ""),
            ("inner.rs", "#![cfg(test)]\n"),
        ]);
        let paths: Vec<&str> = product.sources.iter().map(|source| &*source.path).collect();
        assert_eq!(paths, ["core/src/lib.rs"]);
    }

    #[test]
    fn an_error_names_the_file() {
        let manifest = File::sample("core/Cargo.toml", "[package]\n");
        let rows = [
            ("mod a;\n", "core/src/a.rs is missing"),
            ("fn (\n", "parsing core/src/lib.rs"),
            ("fn f(#[cfg(test)] a: u8) {}\n", "core/src/lib.rs: line 1"),
        ];
        for (text, wanted) in rows {
            let files = [manifest.clone(), File::sample("core/src/lib.rs", text)];
            let error = Product::new(&files).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
