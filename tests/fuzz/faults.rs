//! Which faults a run has: each alone, all, none, and mixtures.

use triton_core::sim::scenario::Chaos;

type Switch = (&'static str, fn(&mut Chaos) -> &mut bool);

/// Every fault by its name; the letters are those of the project's list of faults.
const SWITCHES: [Switch; 16] = [
    ("crashes", |chaos| &mut chaos.crashes),                 // F1
    ("stale-views", |chaos| &mut chaos.stale_views),         // F2, F4
    ("time-travel", |chaos| &mut chaos.time_travel),         // F2
    ("lost-events", |chaos| &mut chaos.lost_events),         // F3, F9
    ("api-errors", |chaos| &mut chaos.api_errors),           // F5, F6, F7, F8
    ("two-drivers", |chaos| &mut chaos.two_drivers),         // F11
    ("clocks", |chaos| &mut chaos.clocks),                   // F12
    ("outside-edits", |chaos| &mut chaos.outside_edits),     // F13
    ("pod-failures", |chaos| &mut chaos.pod_failures),       // F14
    ("slow-controller", |chaos| &mut chaos.slow_controller), // F15
    ("hostile-records", |chaos| &mut chaos.hostile_records), // F16
    ("people", |chaos| &mut chaos.people),
    ("crowd", |chaos| &mut chaos.crowd),
    ("silence", |chaos| &mut chaos.silence),               // F9
    ("silent-watches", |chaos| &mut chaos.silent_watches), // F3, F4
    ("lost-services", |chaos| &mut chaos.lost_services),   // F13
];

/// The faults of a seed: of every twenty seeds one has none, fifteen or sixteen have each fault alone, two have all
/// (one of them but silent watches), and the rest have some.
pub(crate) fn of_seed(seed: u64) -> Chaos {
    let mut chaos = Chaos::NONE;
    match usize::try_from(seed % 20).expect("a small number") {
        0 => {}
        at @ 1..=13 => *SWITCHES[at - 1].1(&mut chaos) = true,
        // Where keepers hear nothing for minutes, less is held against hosts.
        14 => chaos = Chaos { silent_watches: false, ..Chaos::ALL },
        15 => chaos = Chaos::ALL,
        16 => chaos.silence = true,
        17 => chaos.silent_watches = true,
        18 if seed % 40 == 18 => chaos.lost_services = true,
        _ => {
            let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            for (at, (_, switch)) in SWITCHES.iter().enumerate() {
                *switch(&mut chaos) = mixed >> (at + 20) & 1 == 1;
            }
        }
    }
    chaos
}

/// The faults of these names, parted by commas; `all` and `none` are names too.
///
/// # Errors
/// The name that is none, and those that are.
pub(crate) fn named(names: &str) -> Result<Chaos, String> {
    let mut chaos = Chaos::NONE;
    for name in names.split(',') {
        match (name, SWITCHES.iter().find(|(known, _)| *known == name)) {
            ("all", _) => chaos = Chaos::ALL,
            ("none", _) => {}
            (_, Some((_, switch))) => *switch(&mut chaos) = true,
            (_, None) => return Err(format!("{name:?} is not one of {}", self::names(Chaos::ALL))),
        }
    }
    Ok(chaos)
}

/// The names of the faults.
pub(crate) fn names(mut chaos: Chaos) -> String {
    let on: Vec<&str> = SWITCHES.iter().filter(|(_, on)| *on(&mut chaos)).map(|(name, _)| *name).collect();
    if on.is_empty() { "none".into() } else { on.join(",") }
}
