//! Helpers that the benchmarks share: figures with their limits beside them.

/// Prints the head of a table of figures.
pub fn head(title: &str) {
    println!("\n{title}\n{:<64} {:>14} {:>14}  ", "figure", "measured", "limit");
}

/// Prints one figure with its limit; `good` says whether the limit is kept.
pub fn figure(name: &str, measured: &str, limit: &str, good: bool) {
    println!("{name:<64} {measured:>14} {limit:>14}  {}", if good { "ok" } else { "OVER" });
}

/// The processor and the memory that the figures were taken on, in one line.
#[must_use]
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown processor");
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().next().and_then(|line| line.split_whitespace().nth(1));
    let gib = total.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024 / 1024;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{model}, {cores} cores, {gib} GiB")
}
