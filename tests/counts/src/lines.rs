//! Which lines of a file are code.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Literal, Span, TokenStream, TokenTree};

use crate::count::Figure;
use crate::product::Product;

/// Lines of Rust of the product: no comments, no documentation, no blank lines, nothing that is compiled for
/// tests alone.
pub(crate) fn figure(product: &Product) -> Figure {
    let mut crates: BTreeMap<&str, usize> = BTreeMap::new();
    for source in &product.sources {
        let name = source.path.split_once("/src/").map_or(&*source.path, |(name, _)| name);
        *crates.entry(name).or_default() += source.lines.code.len();
    }
    let found = crates.iter().map(|(name, number)| format!("{name}: {number}")).collect();
    Figure { number: crates.values().sum(), examined: product.sources.len(), found }
}

/// The numbers of lines, from 1, without blank ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) code: BTreeSet<usize>,
    pub(crate) documentation: BTreeSet<usize>,
}

impl Lines {
    /// The lines of the tokens of a file.
    pub(crate) fn of(text: &str, tokens: &TokenStream) -> Self {
        let mut lines = Self::default();
        each(tokens, &mut |piece| match piece {
            Piece::Token(span) => lines.code.extend(covered(span)),
            Piece::Name(name) => lines.code.extend(covered(name.span())),
            Piece::Documentation(text) => lines.documentation.extend(covered(text.span())),
        });
        let blank = text.lines().enumerate().filter(|(_, line)| line.trim().is_empty());
        for (at, _) in blank {
            lines.code.remove(&(at + 1));
            lines.documentation.remove(&(at + 1));
        }
        lines
    }
}

/// The numbers of the lines of a span; none of a token that is not in the file.
pub(crate) fn covered(span: Span) -> impl Iterator<Item = usize> {
    let is_written = !span.byte_range().is_empty();
    is_written.then(|| span.start().line..=span.end().line).into_iter().flatten()
}

/// A piece of code.
pub(crate) enum Piece<'a> {
    /// An identifier.
    Name(&'a proc_macro2::Ident),
    /// One line of documentation, or one comment of several.
    Documentation(&'a Literal),
    /// Anything else.
    Token(Span),
}

/// Calls `take` with every piece of code, in order.
pub(crate) fn each(tokens: &TokenStream, take: &mut impl FnMut(Piece<'_>)) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut rest = tokens.as_slice();
    while let [first, others @ ..] = rest {
        rest = others;
        if let Some((text, after)) = documentation(first, others) {
            take(Piece::Documentation(&text));
            rest = after;
            continue;
        }
        match first {
            TokenTree::Group(group) => {
                take(Piece::Token(group.span_open()));
                each(&group.stream(), take);
                take(Piece::Token(group.span_close()));
            }
            TokenTree::Ident(name) => take(Piece::Name(name)),
            token => take(Piece::Token(token.span())),
        }
    }
}

/// The text of documentation that begins with these tokens, and the tokens behind it.
fn documentation<'a>(first: &TokenTree, others: &'a [TokenTree]) -> Option<(Literal, &'a [TokenTree])> {
    let (group, after) = match others {
        [inner, TokenTree::Group(group), after @ ..] if is_mark(inner, '!') => (group, after),
        [TokenTree::Group(group), after @ ..] => (group, after),
        _ => return None,
    };
    if !is_mark(first, '#') || group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
    match inside.as_slice() {
        [TokenTree::Ident(name), equals, TokenTree::Literal(text)]
            if name == "doc" && is_mark(equals, '=') =>
        {
            Some((text.clone(), after))
        }
        _ => None,
    }
}

fn is_mark(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::samples::product;

    const FILE: &str = "\
//! A module.
use std::fmt; // a comment

/// A type,
/// documented.
#[derive(Debug)]
struct A {
    /* nothing
       yet */
    /// A field.
    a: &'static str,
}

#[cfg(test)]
impl A {
    fn of() {}
}

impl A {
    #[cfg(test)]
    fn a() {}

    fn b() -> &'static str {
        // A text.
        \"one

        two\"
    }
}

#[cfg(test)]
mod tests {
    fn c() {}
}
";

    #[test]
    fn only_code_counts() {
        let product = product(&[("lib.rs", FILE)]);
        let lines = &product.sources[0].lines;
        assert_eq!(lines.code.iter().copied().collect::<Vec<_>>(), [2, 6, 7, 11, 12, 19, 23, 25, 27, 28, 29]);
        assert_eq!(lines.documentation.iter().copied().collect::<Vec<_>>(), [1, 4, 5, 10]);
    }

    #[test]
    fn what_is_not_in_the_file_covers_no_line() {
        assert_eq!(covered(Span::call_site()).count(), 0);
    }

    #[test]
    fn the_number_is_the_sum_of_all_files() {
        let product = product(&[("lib.rs", "mod a;\n\nfn b() {}\n"), ("a.rs", "fn a() {}\n")]);
        let wanted = Figure { number: 3, examined: 2, found: vec!["core: 3".into()] };
        assert_eq!(figure(&product), wanted);
    }
}
