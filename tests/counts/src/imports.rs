//! Which module names which, through `use` and through paths that are written out.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree};

use crate::product::Source;

/// A module or an item: the root file of its crate, and the names from there.
pub(crate) type Path = Vec<String>;

/// Names that a path within the crate begins with.
const STARTS: [&str; 3] = ["crate", "self", "super"];

/// A chain of re-exports is followed so far.
const HOPS: usize = 8;

/// Pairs of a module and one that it names. Where an item is re-exported, it is the module that has it.
pub(crate) fn all(sources: &[Source]) -> BTreeSet<(Path, Path)> {
    let modules: BTreeSet<&[String]> = sources.iter().map(|source| &*source.module).collect();
    let named: BTreeMap<&[String], Named> =
        sources.iter().map(|source| (&*source.module, Named::by(source, &modules))).collect();
    let mut all = BTreeSet::new();
    for (from, by) in &named {
        all.extend(by.paths.iter().map(|path| (from.to_vec(), home(path, &modules, &named, HOPS))));
    }
    all
}

/// The module that has an item.
fn home(
    path: &[String],
    modules: &BTreeSet<&[String]>,
    named: &BTreeMap<&[String], Named>,
    hops: usize,
) -> Path {
    let depth = (0..=path.len()).rev().find(|depth| modules.contains(&path[..*depth])).unwrap_or_default();
    let (module, rest) = path.split_at(depth);
    let from = rest.first().and_then(|name| named.get(module)?.visible.get(name));
    match from {
        Some(from) if hops > 0 && from != path => home(from, modules, named, hops - 1),
        _ => module.to_vec(),
    }
}

/// The paths in a module.
#[derive(Default)]
struct Named {
    paths: BTreeSet<Path>,
    /// Names that `use` makes visible in it, and where they come from.
    visible: BTreeMap<String, Path>,
}

impl Named {
    fn by(source: &Source, modules: &BTreeSet<&[String]>) -> Self {
        let mut reader = Reader {
            modules,
            place: source.module.clone(),
            depth: source.module.len(),
            named: Self::default(),
        };
        reader.visit_file(&source.code);
        reader.named
    }
}

struct Reader<'a> {
    modules: &'a BTreeSet<&'a [String]>,
    /// The module that is read; it is below that of the file within `mod name { .. }`.
    place: Path,
    /// The length of the module of the file.
    depth: usize,
    named: Named,
}

impl Reader<'_> {
    /// Adds a path as it is written. One that begins with another crate is left out.
    fn add(&mut self, written: &[String]) -> Option<Path> {
        let mut rest = written;
        let mut path = match written {
            [first, ..] if first == "crate" => self.place[..1].to_vec(),
            [first, ..] if first == "self" || first == "super" => self.place.clone(),
            [first, ..] => {
                let child: Path = self.place.iter().chain([first]).cloned().collect();
                return self.modules.contains(&*child).then(|| self.keep(&child, &written[1..]));
            }
            [] => return None,
        };
        while let [first, others @ ..] = rest {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(path.pop()),
                _ => break,
            }
            rest = others;
        }
        Some(self.keep(&path, rest))
    }

    fn keep(&mut self, module: &[String], rest: &[String]) -> Path {
        let path: Path = module.iter().chain(rest).cloned().collect();
        self.named.paths.insert(path.clone());
        path
    }

    fn add_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| -> Path { before.iter().cloned().chain([name.to_string()]).collect() };
        let (path, name) = match tree {
            UseTree::Path(path) => return self.add_tree(&with(&path.ident), &path.tree),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.add_tree(before, tree)),
            UseTree::Glob(_) => return drop(self.add(before)),
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last().cloned()),
            UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(name) => (with(&name.ident), Some(name.rename.to_string())),
        };
        let is_of_file = self.place.len() == self.depth;
        if let (Some(path), Some(name)) = (self.add(&path), name.filter(|_| is_of_file)) {
            self.named.visible.insert(name, path);
        }
    }

    /// Adds the paths among tokens that begin with `crate`, `self` or `super`.
    fn add_written_out(&mut self, tokens: &TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens.clone() {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => {
                    path.push(name.to_string());
                    colons = 0;
                }
                token => {
                    self.add_long(&mem::take(&mut path));
                    colons = 0;
                    match token {
                        TokenTree::Ident(name) if STARTS.iter().any(|start| name == start) => {
                            path.push(name.to_string());
                        }
                        TokenTree::Group(group) => self.add_written_out(&group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.add_long(&path);
    }

    /// Adds a path of several names: `self` alone is a value.
    fn add_long(&mut self, path: &[String]) {
        if path.len() > 1 {
            self.add(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add_written_out(&path.to_token_stream());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_written_out(&call.tokens);
        visit::visit_macro(self, call);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.place.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.place.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::samples::product;

    #[test]
    fn a_path_leads_to_the_module_that_has_the_item() {
        let rows = [
            ("use crate::b::X;\n", "b"),
            ("use crate::b::X as Y;\n", "b"),
            ("use crate::b::x::X;\n", "b::x"),
            ("use crate::b;\n", "b"),
            ("use super::b::x;\n", "b::x"),
            ("use crate::{b::{x::{self}}};\n", "b::x"),
            // Re-exports.
            ("use crate::B;\n", "b"),
            ("use crate::Renamed;\n", "b::x"),
            ("use crate::b::Up;\n", "b::x"),
            ("use crate::Twice;\n", "b::x"),
            // Written out.
            ("fn f() -> crate::b::X {}\n", "b"),
            ("fn f() { vec![super::b::x::f()] }\n", "b::x"),
            // Inner modules.
            ("mod inner {\n    use super::super::b::X;\n}\n", "b"),
        ];
        let root =
            "mod a;\nmod b;\npub use b::B;\npub use b::x::X as Renamed;\npub use crate::b::Up as Twice;\n";
        for (text, wanted) in rows {
            let files = [
                ("lib.rs", root),
                ("a.rs", text),
                ("b.rs", "mod x;\npub use self::x::Up;\n"),
                ("b/x.rs", ""),
            ];
            let all = all(&product(&files).sources);
            let of_a = all.iter().filter(|(from, _)| from.last().is_some_and(|name| name == "a"));
            let to: BTreeSet<String> = of_a.map(|(_, to)| to[1..].join("::")).collect();
            assert!(to.contains(wanted), "{text}: {to:?}");
        }
    }

    #[test]
    fn re_exports_in_a_circle_come_to_an_end() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "pub use crate::b::X;\n"),
            ("b.rs", "pub use crate::a::X;\n"),
        ];
        assert_eq!(all(&product(&files).sources).len(), 2);
    }

    #[test]
    fn paths_of_other_crates_and_of_values_are_left_out() {
        for text in ["use std::fmt;\n", "fn f(self) { self.x(); }\n", "pub(crate) fn f() { Self::x(); }\n"] {
            assert_eq!(all(&product(&[("lib.rs", text)]).sources), BTreeSet::new(), "{text}");
        }
    }
}
