//! Every kernel as programs compose it: of each case, each variant, and each choice of the outputs that are read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use wgrad::Type;
use wgrad::device::peak_launches;
use wgrad::graph::{Caps, Launch, Site, Variant, compose};
use wgrad::ops::{Case, FAMILIES};

/// Every case of every family.
pub fn cases() -> impl Iterator<Item = Case> {
    FAMILIES.iter().flat_map(|family| (family.cases)())
}

/// The choices of outputs that something may read: all of them first; every other one, for up to four outputs.
pub fn reads(outputs: usize) -> Vec<Vec<bool>> {
    let all = vec![true; outputs];
    let alone = (0..outputs).map(|only| (0..outputs).map(|i| i == only).collect());
    match outputs {
        0 | 1 => vec![all],
        2..=4 => (1..1_usize << outputs).rev().map(|set| (0..outputs).map(|i| set >> i & 1 == 1).collect()).collect(),
        _ => std::iter::once(all).chain(alone).collect(),
    }
}

/// The variants of a case where the outputs in `used` are read.
pub fn variants(case: &Case, used: &[bool]) -> Vec<Variant> {
    let inputs: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let outputs = case.op.infer(&inputs.iter().collect::<Vec<_>>()).expect("types that fit");
    let site = Site { inputs: &inputs, outputs: &outputs, used, caps: &Caps::default() };
    case.op.variants(&site).expect("variants")
}

/// How many outputs a case has.
pub fn outputs(case: &Case) -> usize {
    let inputs: Vec<&Type> = case.inputs.iter().map(|input| &input.ty).collect();
    case.op.infer(&inputs).expect("types that fit").len()
}

/// A kernel, and a launch of it.
pub struct Kernel {
    /// The op and its variant, or what else launches it.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// A launch that composes to it.
    pub launch: Launch,
}

/// Every text once, and once more for each interface that launches give it.
pub static KERNELS: LazyLock<Vec<Kernel>> = LazyLock::new(|| {
    let mut kernels = BTreeMap::new();
    let mut add = |name: &str, launch: Launch| {
        let text = compose(&launch).text;
        let params: Vec<&str> = launch.params.iter().map(|(name, _)| *name).collect();
        let writes: Vec<bool> = launch.binds.iter().map(|bind| bind.writes()).collect();
        let kernel = || Kernel { name: name.into(), text: text.clone(), launch };
        kernels.entry((text.clone(), params, writes)).or_insert_with(kernel);
    };
    for case in cases() {
        for variant in reads(outputs(&case)).iter().flat_map(|used| variants(&case, used)) {
            let name = format!("{}, variant {}", case.op.name(), variant.name);
            variant.launches.into_iter().for_each(|launch| add(&name, launch));
        }
    }
    peak_launches().into_iter().for_each(|launch| add("a peak of the device", launch));
    assert!(kernels.len() > 20, "{} kernels", kernels.len());
    kernels.into_values().collect()
});

/// The module of a text that naga finds valid without any extension, with what it has found out.
pub fn validate(text: &str) -> Result<(naga::Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
    let checked = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    let info = checked.map_err(|error| error.emit_to_string(text))?;
    Ok((module, info))
}

/// Checks each kernel, on all cores, with its place in the list; what is wrong with any of them fails the test.
pub fn check_each(check: impl Fn(usize, &Kernel) -> Result<(), String> + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let work = || loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(kernel) = KERNELS.get(place) else { break };
        if let Err(reason) = check(place, kernel) {
            wrong.lock().expect("a list").push(format!("{}: {reason}", kernel.name));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("a list");
    assert!(wrong.is_empty(), "{} of {} kernels:\n{}", wrong.len(), KERNELS.len(), wrong.join("\n"));
}

/// What a kernel must be, or `wrong`.
pub fn must(right: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(wrong()) }
}
