//! The operator is killed again and again; every rollout ends as if nothing had happened.

use std::{
    env,
    hash::{BuildHasher, RandomState},
};

use serde_json::json;
use triton_core::sim::Random;

use crate::{
    app,
    safety::{Safety, all_run, batches_once},
    site::Site,
};

/// The smallest number of kills.
const KILLS: u32 = 20;
const PODS: u32 = 5;
/// Says which moments: the seed that a failed run printed.
const SEED: &str = "TRITON_CRASH_SEED";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_operator_leaves_no_pod_too_many_and_repeats_no_batch() {
    let site = Site::new("crash").await;
    let seed = env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    eprintln!("the same moments again: {SEED}={seed}");
    let mut random = Random::new(seed, 0);
    site.apply(&app::service());

    let strategy = || json!({"mode": "auto", "batchSize": 2, "drainSeconds": 0});
    let safety = Safety::from_now(&site.scene);
    site.apply(&app::create("create", PODS, strategy()));
    let mut kills = kill_until_it_ends(&site, "create", &mut random).await;
    all_run(&site.view(), "nginx:1", PODS as usize);
    batches_once(&site.view(), "create", u64::from(PODS));
    safety.pods_at_most(&site.scene, PODS as usize);
    let mut round = 1;
    while kills < KILLS {
        round += 1;
        let (flow, image) = (format!("update-{round}"), format!("nginx:{round}"));
        let safety = Safety::from_now(&site.scene);
        site.apply(&app::flow(&flow, "update", PODS, &image, strategy()));
        kills += kill_until_it_ends(&site, &flow, &mut random).await;
        all_run(&site.view(), &image, PODS as usize);
        batches_once(&site.view(), &flow, u64::from(PODS));
        safety.serving_at_least(&site.scene, PODS as usize);
        safety.pods_at_most(&site.scene, PODS as usize + 2);
        assert_eq!(safety.out_before_deletion(&site.scene), PODS as usize);
    }
}

/// Kills the operator after a few more changes, starts it again, and so on. Returns how often.
async fn kill_until_it_ends(site: &Site, flow: &str, random: &mut Random) -> u32 {
    let mut kills = 0;
    loop {
        let moment = site.scene.version();
        let changes = random.between(1, 12) as usize;
        let ended = site.scene.until("some changes, or the end", |view| {
            let ended = view.flow(flow)["status"]["finished"] == true;
            (ended || site.scene.changes_since(moment) >= changes).then_some(ended)
        });
        if ended.await {
            site.ends(flow, "Success").await;
            return kills;
        }
        site.kill_operator();
        kills += 1;
        if random.between(0, 2) == 0 {
            site.start_and_kill_operator().await;
            kills += 1;
        }
        site.start_operator().await;
    }
}
