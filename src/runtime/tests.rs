//! Tests on every adapter that is here. Without one they pass and say so, unless `WGRAD_REQUIRE_GPU=1`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::shim::{self, Plan, Way};
use super::*;
use crate::error::{Error, Result};

const DOUBLE: &str = "
    struct Params { count: u32 }
    @group(0) @binding(0) var<storage, read_write> x: array<u32>;
    @group(1) @binding(0) var<uniform> params: Params;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3<u32>) {
        if (id.x < params.count) { x[id.x] = x[id.x] * 2u + 1u; }
    }";

/// Runs `test` on every adapter, each in a process of its own: a driver can abort one. The same harness as that of
/// `tests/common`, which is out of reach here; the thread tells the test's name.
pub(crate) fn each_adapter(test: impl Fn(&Adapter)) {
    // In such a process: the adapter's place among all, a colon, its name.
    const CHILD: &str = "WGRAD_TEST_DEVICE";
    let found = adapters().unwrap();
    if let Ok(wanted) = std::env::var(CHILD) {
        let (place, name) = wanted.split_once(':').expect("a place, a colon and a name");
        let adapter = place.parse().ok().and_then(|place: usize| found.get(place));
        let adapter = adapter.filter(|adapter| adapter.info().name == name);
        return test(adapter.unwrap_or_else(|| panic!("{wanted} is there no more; found {found:?}")));
    }
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main");
    if found.is_empty() {
        let required = std::env::var("WGRAD_REQUIRE_GPU").is_ok_and(|v| !v.is_empty() && v != "0");
        assert!(!required, "WGRAD_REQUIRE_GPU is set and there is no GPU adapter");
        println!("{}: not run, for there is no adapter", name.unwrap_or("a test"));
    }
    for (place, adapter) in found.iter().enumerate() {
        let Some(name) = name else {
            test(adapter); // one thread for all tests: it does not tell their names
            continue;
        };
        let wanted = format!("{place}:{}", adapter.info().name);
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CHILD, &wanted);
        let output = child.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name} on {wanted}: {}\n{out}\n{err}", output.status);
        // Nothing that was skipped or never ran counts as passed.
        assert!(out.contains("test result: ok. 1 passed"), "{name} did not run in its own process:\n{out}");
        print!("{out}");
    }
}

impl Gpu {
    /// The bytes `range` of a storage buffer, after all that was submitted.
    fn download(&self, buffer: &Buffer, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
        let bytes = range.end.saturating_sub(range.start);
        buffer.check(range.start, bytes)?;
        let (begin, end) = (range.start / 4 * 4, range.end.next_multiple_of(4));
        let stage = self.buffer("download", end - begin, BufferUse::ReadBack)?;
        let copy = BufferCopy {
            from: buffer.clone(),
            from_offset: begin,
            to: stage.clone(),
            to_offset: 0,
            bytes: end - begin,
        };
        let copied = self.submit(&[], 0, &[copy])?;
        ReadBack::start(self, &copied, &stage, range.start - begin..range.end - begin)?.wait()
    }
}

/// The same with the adapter opened.
pub(crate) fn each_gpu(test: impl Fn(&Gpu)) {
    each_adapter(|adapter| test(&Gpu::open(adapter).unwrap()));
}

fn double() -> KernelSource {
    let bindings = vec![BindingKind::ReadWrite];
    KernelSource { label: "double".into(), wgsl: DOUBLE.into(), bindings, params: true, trusted: true }
}

fn ramp(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 % 251) as u8).collect()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// A buffer of `n` zeros and a launch that doubles each and adds one.
fn doubling(gpu: &Gpu, n: u32) -> (Buffer, Dispatch) {
    let x = gpu.buffer("x", u64::from(n) * 4, BufferUse::Storage).unwrap();
    let params = gpu.buffer("params", 4, BufferUse::Uniform).unwrap();
    gpu.upload(&params, 0, &n.to_le_bytes()).unwrap();
    let pipeline = gpu.pipelines(&[double()]).unwrap().remove(0);
    let binds = gpu.bind_group(&pipeline, &[BufferRange::whole(&x)], Some(BufferRange::whole(&params))).unwrap();
    (x, Dispatch { pipeline, binds, grid: [n.div_ceil(64), 1, 1] })
}

#[test]
fn a_thousand_launches_in_one_pass() {
    each_gpu(|gpu| {
        let (x, dispatch) = doubling(gpu, 100);
        let before = gpu.counters();
        let clock = clock::Clock::start();
        let submission = gpu.submit(&[dispatch.clone(), dispatch.clone()], 500, &[]).unwrap();
        let submitted = clock.elapsed();
        gpu.wait(&submission).unwrap();
        eprintln!("1000 launches: submitted after {submitted:?}, done after {:?}", clock.elapsed());
        assert!(words(&gpu.download(&x, 0..400).unwrap()).iter().all(|&v| v == u32::MAX));
        let after = gpu.counters();
        assert_eq!(after.dispatches - before.dispatches, 1000);
        assert_eq!(after.submissions - before.submissions, 2);

        gpu.upload(&x, 0, &[0; 400]).unwrap();
        gpu.submit(&[dispatch], 5, &[]).unwrap();
        let out = words(&gpu.download(&x, 0..x.bytes()).unwrap());
        assert!(out.iter().take(100).all(|&v| v == 31));
    });
}

#[test]
fn bytes_come_back_as_they_went() {
    each_gpu(|gpu| {
        let buffer = gpu.buffer("bytes", 1001, BufferUse::Storage).unwrap();
        assert_eq!(buffer.bytes(), 1008);
        let bytes = ramp(1001);
        gpu.upload(&buffer, 0, &bytes).unwrap();
        assert_eq!(gpu.download(&buffer, 0..1001).unwrap(), bytes);
        for range in [0..1, 3..4, 5..999, 1000..1001] {
            let expected = &bytes[range.start as usize..range.end as usize];
            assert_eq!(gpu.download(&buffer, range).unwrap(), expected);
        }
        gpu.upload(&buffer, 8, &[1, 2, 3]).unwrap();
        assert_eq!(gpu.download(&buffer, 8..13).unwrap(), [1, 2, 3, 0, bytes[12]]);
        gpu.upload(&buffer, 1008, &[]).unwrap();
        assert!(matches!(gpu.upload(&buffer, 2, &[1]), Err(Error::Argument { .. })));
        assert!(matches!(gpu.upload(&buffer, 1008, &[1]), Err(Error::Argument { .. })));
        assert!(matches!(gpu.download(&buffer, 0..1009), Err(Error::Argument { .. })));
        assert!(matches!(gpu.download(&buffer, u64::MAX - 1..u64::MAX), Err(Error::Argument { .. })));
    });
}

#[test]
fn large_uploads_go_in_windows() {
    each_gpu(|gpu| {
        let bytes = ramp((90 << 20) + 3);
        let buffer = gpu.buffer("large", bytes.len() as u64, BufferUse::Storage).unwrap();
        let before = gpu.counters();
        gpu.upload(&buffer, 0, &bytes).unwrap();
        assert_eq!(gpu.counters().submissions - before.submissions, 1);
        assert!(gpu.download(&buffer, 1..bytes.len() as u64).unwrap() == bytes[1..]);
    });
}

#[test]
fn live_bytes_and_uploads_are_counted() {
    each_gpu(|gpu| {
        let a = gpu.buffer("a", 0, BufferUse::Storage).unwrap();
        let b = gpu.buffer("b", 100, BufferUse::ReadBack).unwrap();
        gpu.upload(&a, 0, &[1, 2, 3]).unwrap();
        let counters = gpu.counters();
        assert_eq!((counters.buffers, counters.bytes_allocated), (2, 16 + 112));
        assert_eq!((counters.uploads, counters.upload_bytes), (1, 3));
        let second = b.clone();
        drop(b);
        assert_eq!(gpu.counters().bytes_allocated, 128);
        drop((a, second));
        assert_eq!(gpu.counters().bytes_allocated, 0);
    });
}

#[test]
fn sources_are_compiled_once_and_errors_name_them() {
    each_gpu(|gpu| {
        let other = KernelSource { label: "other".into(), ..double() };
        let plain = KernelSource { trusted: false, ..double() };
        let made = gpu.pipelines(&[double(), other, plain]).unwrap();
        assert!(Arc::ptr_eq(&made[0], &made[1]) && !Arc::ptr_eq(&made[0], &made[2]));
        gpu.pipelines(&[double()]).unwrap();
        assert_eq!(gpu.counters().pipelines, 2);

        let wrong = KernelSource { label: "wrong".into(), wgsl: DOUBLE.replace("2u", "nothing"), ..double() };
        let Err(Error::Device { call, reason }) = gpu.pipelines(&[double(), wrong]) else { panic!("it is wrong") };
        assert!(call.contains("(wrong)"), "{call}");
        assert!(reason.contains("nothing"), "{reason}");
        let missing = KernelSource { label: "missing".into(), params: false, ..double() };
        assert!(matches!(gpu.pipelines(&[missing]), Err(Error::Device { .. })));
    });
}

#[test]
fn limits_are_typed() {
    each_gpu(|gpu| {
        let limits = gpu.limits();
        for (bytes, usage) in [
            (u64::MAX, BufferUse::Storage),
            (limits.max_binding_bytes.saturating_add(1), BufferUse::Storage),
            (limits.max_buffer_bytes.saturating_add(1), BufferUse::ReadBack),
        ] {
            let made = gpu.buffer("huge", bytes, usage);
            assert!(matches!(made, Err(Error::Limit { .. })), "{made:?}");
        }
        let many = vec![BindingKind::ReadOnly; limits.storage_buffers_per_stage as usize + 1];
        let source = KernelSource { bindings: many, ..double() };
        let made = gpu.pipelines(&[source]);
        assert!(matches!(made, Err(Error::Limit { name: "storage buffers", .. })), "{made:?}");
        let (x, mut dispatch) = doubling(gpu, 4);
        dispatch.grid[1] = limits.workgroups_per_dimension + 1;
        let sent = gpu.submit(std::slice::from_ref(&dispatch), 1, &[]);
        assert!(matches!(sent, Err(Error::Limit { name: "workgroups in a dimension", .. })), "{sent:?}");
        let empty = BufferRange { size: 0, ..BufferRange::whole(&x) };
        assert!(matches!(gpu.bind_group(&dispatch.pipeline, &[empty], None), Err(Error::Argument { .. })));
        let params = gpu.bind_group(&dispatch.pipeline, &[BufferRange::whole(&x)], None);
        assert!(matches!(params, Err(Error::Argument { .. })));
        assert!(matches!(gpu.bind_group(&dispatch.pipeline, &[], None), Err(Error::Argument { .. })));
    });
}

#[test]
fn a_ring_of_read_backs() {
    each_gpu(|gpu| {
        let (x, dispatch) = doubling(gpu, 4);
        let ring: Vec<Buffer> = (0..3).map(|_| gpu.buffer("ring", 16, BufferUse::ReadBack).unwrap()).collect();
        let send = |i: usize| {
            let to = ring[i % 3].clone();
            let copy = BufferCopy { from: x.clone(), from_offset: 0, to: to.clone(), to_offset: 0, bytes: 16 };
            let sent = gpu.submit(std::slice::from_ref(&dispatch), 1, &[copy]).unwrap();
            ReadBack::start(gpu, &sent, &to, 4..12).unwrap()
        };
        let mut flying: std::collections::VecDeque<_> = (0..3).map(send).collect();
        for i in 3..9 {
            let oldest = flying.pop_front().unwrap();
            assert_eq!(words(&oldest.wait().unwrap()), [(1 << (i - 2)) - 1; 2]);
            flying.push_back(send(i));
        }
        let sent = gpu.submit(&[], 0, &[]).unwrap();
        let again = ReadBack::start(gpu, &sent, &ring[0], 0..4);
        assert!(matches!(again, Err(Error::Argument { .. })), "{again:?}");
        let mut last = flying.pop_back().unwrap();
        drop(flying);
        let bytes = loop {
            match last.try_take().unwrap() {
                Some(bytes) => break bytes,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!(words(&bytes), [(1 << 9) - 1; 2]);
        assert!(matches!(last.try_take(), Err(Error::Argument { .. })));
        send(9).wait().unwrap();
    });
}

#[test]
fn a_refused_submission_is_typed_and_not_a_lost_device() {
    each_gpu(|gpu| {
        let (x, _) = doubling(gpu, 4);
        let copy = BufferCopy { from: x.clone(), from_offset: 2, to: x.clone(), to_offset: 0, bytes: 16 };
        let sent = gpu.submit(&[], 1, &[copy]);
        assert!(matches!(sent, Err(Error::Device { .. })), "{sent:?}");
        assert_eq!(gpu.download(&x, 0..4).unwrap(), [0; 4]);
    });
}

#[test]
fn threads_share_a_device() {
    each_gpu(|gpu| {
        std::thread::scope(|scope| {
            for n in 1..5 {
                scope.spawn(move || {
                    let (x, dispatch) = doubling(gpu, n * 40);
                    for round in 1..6 {
                        gpu.submit(std::slice::from_ref(&dispatch), 2, &[]).unwrap();
                        let out = words(&gpu.download(&x, 0..u64::from(n) * 160).unwrap());
                        assert!(out.iter().all(|&v| v == (1 << (2 * round)) - 1));
                    }
                });
            }
        });
    });
}

fn own_device(adapter: &Adapter) -> (wgpu::Device, wgpu::Queue) {
    pollster::block_on(adapter.raw.request_device(&wgpu::DeviceDescriptor::default())).unwrap()
}

#[test]
fn a_programs_device_keeps_its_handlers_and_limits() {
    each_adapter(|adapter| {
        let (device, queue) = own_device(adapter);
        let (caught, lost) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (uncaptured, gone) = (caught.clone(), lost.clone());
        device.on_uncaptured_error(Arc::new(move |_| uncaptured.store(1, Ordering::Relaxed)));
        device.set_device_lost_callback(move |_, _| gone.store(1, Ordering::Relaxed));
        let gpu = Gpu::from_wgpu(&adapter.raw, device.clone(), queue).unwrap();
        assert_eq!(gpu.limits().max_binding_bytes, wgpu::Limits::default().max_storage_buffer_binding_size);
        assert_eq!(gpu.info().name, adapter.info().name);
        let wrong = KernelSource { wgsl: "fn main(".into(), ..double() };
        assert!(matches!(gpu.pipelines(&[wrong]), Err(Error::Device { .. })));
        assert_eq!(caught.load(Ordering::Relaxed), 0);
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::STORAGE;
        let descriptor = wgpu::BufferDescriptor { label: None, size: 16, usage, mapped_at_creation: false };
        let _ = device.create_buffer(&descriptor);
        assert_eq!(caught.load(Ordering::Relaxed), 1);
        let (x, dispatch) = doubling(&gpu, 4);
        gpu.submit(&[dispatch], 3, &[]).unwrap();
        assert_eq!(words(&gpu.download(&x, 0..16).unwrap()), [7; 4]);
        device.destroy();
        device.poll(wgpu::PollType::Poll).unwrap();
        assert_eq!(lost.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_destroyed_device_is_lost_and_nothing_hangs() {
    each_adapter(|adapter| {
        let (device, queue) = own_device(adapter);
        let gpu = Gpu::from_wgpu(&adapter.raw, device.clone(), queue).unwrap();
        let (x, dispatch) = doubling(&gpu, 4);
        gpu.submit(std::slice::from_ref(&dispatch), 3, &[]).unwrap();
        device.destroy();
        let sent = gpu.submit(std::slice::from_ref(&dispatch), 1, &[]);
        assert!(matches!(sent, Err(Error::DeviceLost { .. })), "{sent:?}");
        assert!(matches!(gpu.download(&x, 0..16), Err(Error::DeviceLost { .. })));
        assert!(matches!(gpu.upload(&x, 0, &[1]), Err(Error::DeviceLost { .. })));
        assert!(matches!(gpu.buffer("y", 16, BufferUse::Storage), Err(Error::DeviceLost { .. })));

        let (device, queue) = own_device(adapter);
        let gpu = Gpu::from_wgpu(&adapter.raw, device.clone(), queue).unwrap();
        let (x, dispatch) = doubling(&gpu, 4);
        let stage = gpu.buffer("stage", 16, BufferUse::ReadBack).unwrap();
        let copy = BufferCopy { from: x.clone(), from_offset: 0, to: stage.clone(), to_offset: 0, bytes: 16 };
        let sent = gpu.submit(&[dispatch], 3, &[copy]).unwrap();
        device.destroy();
        let taken = ReadBack::start(&gpu, &sent, &stage, 0..16).and_then(ReadBack::wait);
        assert!(matches!(taken, Err(Error::DeviceLost { .. })), "{taken:?}");
        assert!(matches!(gpu.download(&x, 0..16), Err(Error::DeviceLost { .. })));
    });
}

#[test]
fn a_panic_in_the_driver_is_a_lost_device() {
    each_gpu(|gpu| {
        let (x, dispatch) = doubling(gpu, 4);
        shim::set(Some(Plan { only: Some("Device::poll"), after: 0, way: Way::Panic }));
        let sent = gpu.submit(&[dispatch], 1, &[]);
        assert!(!shim::set(None), "it was called");
        assert!(matches!(&sent, Err(Error::DeviceLost { reason }) if reason.contains("broken by a test")), "{sent:?}");
        assert!(matches!(gpu.download(&x, 0..16), Err(Error::DeviceLost { .. })));
    });
}

#[test]
fn an_unknown_name_lists_what_is_here() {
    let Err(Error::NoAdapter { wanted, tried }) = select(&Wanted::Named("no such card".into())) else {
        panic!("there is no such card");
    };
    assert_eq!(wanted, "no such card");
    assert_eq!(tried.len(), adapters().unwrap().len());
}
