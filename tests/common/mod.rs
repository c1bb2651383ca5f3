//! What the tests share.

#![allow(dead_code)] // each test program uses its own part

use std::process::Command;

use wgrad::Device;
use wgrad::runtime::adapters;

/// The device that a child process tests.
const DEVICE: &str = "WGRAD_TEST_DEVICE";

/// Whether a missing GPU adapter is a failure.
pub fn gpu_required() -> bool {
    std::env::var("WGRAD_REQUIRE_GPU").is_ok_and(|v| !v.is_empty() && v != "0")
}

/// Runs `test`, whose `#[test]` is called `name`, on the CPU and on every adapter. Each adapter has a process of its
/// own: a driver can abort one.
pub fn on_every_device(name: &str, test: impl Fn(&Device)) {
    if let Ok(device) = std::env::var(DEVICE) {
        return test(&Device::named(&device).expect("the parent has listed it"));
    }
    test(&Device::cpu());
    on_every_adapter(name, |_| unreachable!("the child has returned"));
}

/// The same without the CPU.
pub fn on_every_adapter(name: &str, test: impl Fn(&Device)) {
    if let Ok(device) = std::env::var(DEVICE) {
        return test(&Device::named(&device).expect("the parent has listed it"));
    }
    let found = adapters().expect("adapters are listed");
    if found.is_empty() {
        assert!(!gpu_required(), "WGRAD_REQUIRE_GPU is set and there is no GPU adapter");
        eprintln!("{name}: not run on a GPU, for there is no adapter; `cargo xtask test --install-drivers` gets one");
    }
    for adapter in found {
        let device = &adapter.info().name;
        let mut child = Command::new(std::env::current_exe().expect("a test has a file"));
        child.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(DEVICE, device);
        let output = child.output().expect("the test starts again");
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} on {device} ({}): {}\n{text}", adapter.info().kind, output.status);
        assert!(text.contains("1 passed"), "{name} on {device} ran no test:\n{text}");
    }
}
