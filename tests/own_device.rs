//! A device that the program has opened itself: it trains, and keeps the program's handlers.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wgrad::losses::MeanSquaredError;
use wgrad::optimizers::Sgd;
use wgrad::train::Verbosity;
use wgrad::{Dense, Device, Error, Fit, Gpu, Layer, Sequential, Tensor};

/// Opens the same adapter as the program would: without wgrad.
fn open(ours: &Device) -> (wgpu::Adapter, wgpu::Device, wgpu::Queue) {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let adapters = pollster::block_on(instance.enumerate_adapters(backends)).into_iter();
    let mut namesakes = adapters.filter(|adapter| adapter.get_info().name == ours.name());
    let adapter = namesakes.nth(common::place_among_namesakes()).unwrap();
    // With the limits that every WebGPU has, not those of the adapter.
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).unwrap();
    (adapter, device, queue)
}

fn fit() -> Fit {
    Fit::epochs(2).batch_size(4).verbosity(Verbosity::Silent)
}

#[test]
fn a_programs_own_device_trains_and_keeps_its_handlers() {
    common::on_every_adapter("a_programs_own_device_trains_and_keeps_its_handlers", |ours| {
        let (adapter, device, queue) = open(ours);
        let called = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&called);
        device.on_uncaptured_error(Arc::new(move |_| seen.store(true, Ordering::SeqCst)));
        let gpu = Gpu::from_wgpu(&adapter, device.clone(), queue).unwrap();
        let train = |device: &Device| {
            let mut model = Sequential::new().add(Dense::new(3).input_shape([2])).build(device).unwrap();
            model.compile(Sgd::default(), MeanSquaredError, ["mse"]).unwrap();
            let x = Tensor::new([9, 2], (0..18).map(|i| i as f32 / 9.0).collect()).unwrap();
            let y = Tensor::new([9, 3], (0..27).map(|i| (i % 5) as f32).collect()).unwrap();
            model.fit(&x, &y, fit()).unwrap();
            model.weights_sha256().unwrap()
        };
        assert_eq!(train(&Device::gpu(gpu)), train(ours), "the same bits as on a device that wgrad opens");
        assert!(!called.load(Ordering::SeqCst));
        // The program makes a mistake of its own: its handler hears of it.
        let descriptor = wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        };
        let _ = device.create_buffer(&descriptor);
        assert!(called.load(Ordering::SeqCst), "the program's handler was replaced");
    });
}

#[test]
fn a_device_that_is_destroyed_in_a_training_is_an_error() {
    common::on_every_adapter("a_device_that_is_destroyed_in_a_training_is_an_error", |ours| {
        let (adapter, device, queue) = open(ours);
        let gpu = Gpu::from_wgpu(&adapter, device.clone(), queue).unwrap();
        let mut model = Sequential::new().add(Dense::new(3).input_shape([2])).build(&Device::gpu(gpu)).unwrap();
        model.compile(Sgd::default(), MeanSquaredError, ["mse"]).unwrap();
        let (x, y) = (Tensor::full([9, 2], 1.0).unwrap(), Tensor::full([9, 3], 1.0).unwrap());
        model.fit(&x, &y, fit()).unwrap();
        device.destroy();
        let error = model.fit(&x, &y, fit()).unwrap_err();
        assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    });
}
