//! Devices for tests: the CPU in the test itself, each GPU adapter in a process of its own.

#![allow(dead_code)] // each test program uses its own part

pub mod kernels;
pub mod memory;

use std::process::Command;

use wgrad::runtime::{Adapter, adapters};
use wgrad::{Device, Gpu};

/// Set in a process that a test started for itself: an adapter's place among all, a colon, its name.
const CHILD: &str = "WGRAD_TEST_DEVICE";

/// Whether a missing GPU adapter is a failure.
pub fn gpu_required() -> bool {
    std::env::var("WGRAD_REQUIRE_GPU").is_ok_and(|v| !v.is_empty() && v != "0")
}

/// Runs `body` on the CPU and on every adapter, for the test called `test`.
pub fn on_every_device(test: &str, body: impl Fn(&Device)) {
    if std::env::var_os(CHILD).is_none() {
        body(&Device::cpu());
    }
    on_every_adapter(test, body);
}

/// Runs `body` on every adapter, each in a process of its own, for the test called `test`: its full name.
///
/// A driver that crashes fails one test. Without an adapter the test says so and passes, unless `WGRAD_REQUIRE_GPU` is
/// set. The same harness as that of `src/runtime/tests.rs`, which is out of reach here.
pub fn on_every_adapter(test: &str, body: impl Fn(&Device)) {
    let found = adapters().expect("adapters are listed");
    if let Ok(wanted) = std::env::var(CHILD) {
        let gpu = Gpu::open(the_one(&found, &wanted)).unwrap_or_else(|error| panic!("{wanted}: {error}"));
        return body(&Device::gpu(gpu));
    }
    if found.is_empty() {
        assert!(!gpu_required(), "WGRAD_REQUIRE_GPU is set and there is no GPU adapter");
        println!("{test}: not run on a GPU, for there is no adapter; `cargo xtask test --install-drivers` gets one");
    }
    // At the same time: a software driver keeps one core busy.
    std::thread::scope(|scope| {
        let run = |(place, adapter): (usize, &Adapter)| {
            let wanted = format!("{place}:{}", adapter.info().name);
            scope.spawn(move || in_own_process(test, &wanted))
        };
        let runs: Vec<_> = found.iter().enumerate().map(run).collect();
        let failed: Vec<String> = runs.into_iter().filter_map(|run| run.join().expect("no panic").err()).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    });
}

/// The adapter that the test's first process has found: that it is gone is a failure.
fn the_one<'a>(found: &'a [Adapter], wanted: &str) -> &'a Adapter {
    let (place, name) = wanted.split_once(':').expect("a place, a colon and a name");
    let adapter = place.parse().ok().and_then(|place: usize| found.get(place));
    let adapter = adapter.filter(|adapter| adapter.info().name == name);
    adapter.unwrap_or_else(|| panic!("{wanted} is there no more; found {found:?}"))
}

/// Runs the test called `test` in a process of its own, for the adapter `wanted` alone; fails with what it printed.
fn in_own_process(test: &str, wanted: &str) -> Result<(), String> {
    let this = std::env::current_exe().expect("a test knows its own path");
    let mut child = Command::new(this);
    child.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, wanted);
    let output = child.output().expect("a test can start itself");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Nothing that was skipped or never ran counts as passed.
    if !output.status.success() || !out.contains("test result: ok. 1 passed") {
        return Err(format!("{test} on {wanted}: {}\n{out}\n{err}", output.status));
    }
    print!("{out}");
    Ok(())
}

/// The place of the adapter that is tested among all.
pub fn place() -> String {
    let wanted = std::env::var(CHILD).expect("a process of its own");
    wanted.split(':').next().unwrap_or_default().to_string()
}

/// The place of the adapter that is tested among those of its name, in the order in which wgpu lists them.
pub fn place_among_namesakes() -> usize {
    let found = adapters().expect("adapters are listed");
    let wanted = std::env::var(CHILD).expect("a process of its own");
    let one = the_one(&found, &wanted);
    let place = found.iter().position(|adapter| std::ptr::eq(adapter, one)).unwrap_or_default();
    found[..place].iter().filter(|adapter| adapter.info().name == one.info().name).count()
}
