use super::*;

#[test]
fn probe() {
    let from: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("COUNT").ok().and_then(|s| s.parse().ok()).unwrap_or(200);
    let level = std::env::var("CHAOS").unwrap_or_default();
    let mut chaos = if level == "ALL" { Chaos::ALL } else { Chaos::NONE };
    for c in level.split(',') {
        match c {
            "crashes" => chaos.crashes = true,
            "stale" => chaos.stale_views = true,
            "travel" => {
                chaos.stale_views = true;
                chaos.time_travel = true
            }
            "deaf" => chaos.lost_events = true,
            "api" => chaos.api_errors = true,
            "two" => chaos.two_drivers = true,
            "clocks" => chaos.clocks = true,
            "edits" => chaos.outside_edits = true,
            "pods" => chaos.pod_failures = true,
            "slow" => chaos.slow_controller = true,
            "hostile" => chaos.hostile_records = true,
            "people" => chaos.people = true,
            "-edits" => chaos.outside_edits = false,
            "-pods" => chaos.pod_failures = false,
            "-hostile" => chaos.hostile_records = false,
            "-two" => chaos.two_drivers = false,
            "-travel" => chaos.time_travel = false,
            "-stale" => chaos.stale_views = false,
            "-clocks" => chaos.clocks = false,
            _ => {}
        }
    }
    let trace = std::env::var("TRACE").is_ok();
    let started = std::time::Instant::now();
    let mut bad = 0;
    let mut kinds = std::collections::BTreeMap::<String, (u32, u64)>::new();
    let mut steps = 0u64;
    let mut ends = std::collections::BTreeMap::<String, u32>::new();
    for seed in from..from + count {
        let r = run(seed, &chaos, &mut |world, step| {
            if trace {
                std::println!("{step}");
                for h in world.journal() {
                    std::println!("          {h:?}");
                }
            }
            Ok(())
        });
        match r {
            Ok(s) => {
                if trace {
                    std::println!("{s:?}");
                }
                steps += u64::from(s.steps);
                for (_, p) in s.flows {
                    *ends.entry(std::format!("{p:?}")).or_default() += 1;
                }
            }
            Err(v) => {
                bad += 1;
                let k: String =
                    v.what.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).take(90).collect();
                let e = kinds.entry(k).or_insert((0, seed));
                e.0 += 1;
                if bad <= 2 {
                    std::println!("{v}");
                }
            }
        }
    }
    std::println!(
        "{bad} of {count} bad {kinds:#?} ends {ends:?} steps/run {} {:?}",
        steps / count.max(1),
        started.elapsed()
    );
}
