//! Implementations of the API that are written by hand: every `impl` of the trait in the whole repository,
//! tests and examples included. What a macro writes does not count.

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

use crate::count::Figure;
use crate::tree::File;

/// The trait.
const API: &str = "DeployApi";

/// # Errors
/// When a file that names the trait cannot be parsed.
pub(crate) fn figure(files: &[File]) -> Result<Figure> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs") && file.text.contains(API)) {
        let code = syn::parse_file(&file.text).with_context(|| format!("parsing {}", file.path))?;
        let mut finder = Finder(Vec::new());
        finder.visit_file(&code);
        found.extend(finder.0.into_iter().map(|line| format!("{}:{line}", file.path)));
    }
    Ok(Figure::of(files.len(), found))
}

/// The lines of implementations.
struct Finder(Vec<usize>);

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
        if name.is_some_and(|name| name.ident == API) {
            self.0.push(item.impl_token.span.start().line);
        }
        visit::visit_item_impl(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_implementation_counts_also_those_of_tests() -> Result<()> {
        let files = [
            File::sample("a/src/lib.rs", "impl DeployApi for A {}\n\nimpl<T> core::DeployApi for B<T> {}\n"),
            File::sample(
                "b/tests/all.rs",
                "impl A {\n    fn f() {\n        impl DeployApi for C {}\n    }\n}\n",
            ),
            File::sample(
                "c/src/lib.rs",
                "trait DeployApi {}\nimpl Other for DeployApi {}\nimpl DeployApi {}\n",
            ),
            File::sample("d/src/lib.rs", "const TEXT: &str = \"impl DeployApi for D {}\";\n"),
            File::sample("d/a.proto", "// impl DeployApi for E {}\n"),
        ];
        let figure = figure(&files)?;
        assert_eq!(figure.found, ["a/src/lib.rs:1", "a/src/lib.rs:3", "b/tests/all.rs:3"]);
        assert_eq!((figure.number, figure.examined), (3, 5));
        Ok(())
    }

    #[test]
    fn a_file_that_cannot_be_parsed_is_named() {
        let error =
            figure(&[File::sample("a/src/lib.rs", "impl DeployApi for {")]).expect_err("it is broken");
        assert!(format!("{error:#}").contains("a/src/lib.rs"), "{error:#}");
    }
}
