//! Devices for tests: the CPU in the test itself, each GPU adapter in a process of its own.

#![allow(dead_code)] // each test program uses its own part

use std::process::Command;

use wgrad::runtime::adapters;
use wgrad::{Device, Error};

/// Set in a process that a test started for itself.
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

/// Runs `body` on every adapter, each in a process of its own, for the test called `test`.
pub fn on_every_adapter(test: &str, body: impl Fn(&Device)) {
    if let Ok(name) = std::env::var(CHILD) {
        return in_own_process(test, &name, body);
    }
    let found = adapters().expect("adapters are listed");
    if found.is_empty() {
        assert!(!gpu_required(), "WGRAD_REQUIRE_GPU is set and there is no GPU adapter");
        println!("{test}: not run on a GPU, for there is no adapter; `cargo xtask test --install-drivers` gets one");
    }
    found.iter().for_each(|adapter| in_own_process(test, &adapter.info().name, &body));
}

/// Runs `body` on the device called `name`, in a process of its own: a driver that crashes fails this test alone.
///
/// `test` is the test's full name. Without such an adapter it says so and passes; with `WGRAD_REQUIRE_GPU` set it
/// fails where there is no adapter at all.
fn in_own_process(test: &str, name: &str, body: impl FnOnce(&Device)) {
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().expect("a test knows its own path");
        let output = Command::new(this).args(["--exact", test, "--nocapture"]).env(CHILD, name).output();
        let output = output.expect("a test can start itself");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{test} on {name}: {}\n{out}\n{err}", output.status);
        // Nothing that was skipped or never ran counts as passed.
        assert!(out.contains("1 passed"), "{test} did not run in its own process:\n{out}");
        print!("{out}");
        return;
    }
    match Device::named(name) {
        Ok(device) => body(&device),
        Err(Error::NoAdapter { tried, .. }) => {
            assert!(!gpu_required() || !tried.is_empty(), "WGRAD_REQUIRE_GPU is set and there is no adapter");
            println!("no adapter: {name}, {test} was not run; found {tried:?}");
        }
        Err(error) => panic!("{name}: {error}"),
    }
}
