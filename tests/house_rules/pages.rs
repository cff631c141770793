//! What pages refer to exists.

use super::source::{Fault, File};

/// Links to files and headings of the repository that lead nowhere.
pub(crate) fn links(file: &File, files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, link) in all_links(file) {
        let (path, heading) = link.split_once('#').map_or((&*link, None), |(p, h)| (p, Some(h)));
        let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
        let inside = format!("{path}/");
        if !files.iter().any(|file| file.path == path || file.path.starts_with(&inside)) {
            faults.push(file.fault(at, format!("{link} leads nowhere")));
            continue;
        }
        let page = files.iter().find(|page| page.path == path);
        if let (Some(heading), Some(page)) = (heading, page)
            && !headings(&page.text).iter().any(|slug| slug == heading)
        {
            faults.push(file.fault(at, format!("{path} has no heading #{heading}")));
        }
    }
    faults
}

fn all_links(file: &File) -> Vec<(usize, String)> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let mut links = Vec::new();
    for (at, line) in prose(&file.text) {
        let line = without_code(line);
        for rest in line.split("](").skip(1) {
            let link = rest.split([')', ' ']).next().unwrap_or_default();
            if !link.contains("://") && !link.starts_with("mailto:") {
                links.push((at, link.to_string()));
            }
        }
    }
    links
}

/// Lines outside fenced blocks, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("")
}

fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors of a page, as code hosts make them of headings.
fn headings(text: &str) -> Vec<String> {
    let titles = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    titles
        .map(|title| {
            let title = title.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Commands `make x` in code of a page whose target is not in the Makefile.
pub(crate) fn targets(file: &File, makefile: &File) -> Vec<Fault> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let spans = line.split('`').skip(1).step_by(2);
        let commands = spans.chain([line]).filter_map(|text| text.trim().strip_prefix("make "));
        for command in commands {
            let target = command.split_whitespace().next().unwrap_or_default();
            let there = makefile.text.lines().any(|line| line.starts_with(&format!("{target}:")));
            if !there && !target.starts_with('<') {
                faults.push(file.fault(at + 1, format!("there is no target {target}")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_missing_page_or_heading_is_a_fault() {
        let page = |text: &str| File::sample("docs/a.md", text);
        let readme = File::sample("README.md", "# Title\n");
        let good = page(
            "# A `b` c\n[x](../README.md) [y](#a-b-c) `[n](no.md)` [z](https://example.com/no) [d](../docs)\n",
        );
        assert_eq!(links(&good, &[good.clone(), readme.clone()]), []);
        let bad = page("# A\n[x](no.md)\n[y](#b)\n[z](../README.md#no-such-heading)\n```\n[n](no.md)\n```\n");
        let faults = links(&bad, &[bad.clone(), readme]);
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn a_target_that_is_not_there_is_a_fault() {
        let makefile = File::sample("Makefile", "test: need\n\techo\n");
        let page =
            File::sample("a.md", "run `make test` and `make tests`\n```\nmake teste\nmake test # x\n```\n");
        let lines: Vec<usize> = targets(&page, &makefile).iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
