//! Training inside of a loop of frames, on the program's own wgpu device: every 16 ms the program has its turn.
//!
//! A network learns a picture of made-up rings, 2 ms a frame. Every eighth frame the program takes its output, a buffer on its
//! own device, and copies it with commands of its own. At the end it prints the longest time that wgrad took in a frame.
//!
//! `cargo run --release --example frames -- --device llvmpipe`

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use wgrad::Gpu;
use wgrad::prelude::{Adam, Dense, Device, Fit, Layer, MeanSquaredError, Sequential, Sigmoid, Tanh, Tensor};

const FRAME: Duration = Duration::from_millis(16);
const SIDE: usize = 32;

fn main() -> Result<()> {
    let (adapter, device, queue) = open(&std::env::args().nth(2).unwrap_or_default().to_lowercase())?;
    println!("device: {}", adapter.get_info().name);
    let gpu = Gpu::from_wgpu(&adapter, device.clone(), queue.clone())?;
    let (pixels, picture) = picture()?;
    let mut model = Sequential::new()
        .add(Dense::new(32).activation(Tanh).input_shape([2]))
        .add(Dense::new(32).activation(Tanh))
        .add(Dense::new(1).activation(Sigmoid))
        .build(&Device::gpu(gpu))?;
    model.compile(Adam::new(0.01), MeanSquaredError, ["mae"])?;
    let mut run = model.run(&pixels, &picture, Fit::epochs(40).batch_size(128))?;

    let texture = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("what the program draws"),
        size: 4 * (SIDE * SIDE) as u64,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    let (mut frames, mut longest, mut last) = (0u32, [Duration::ZERO; 2], 0.0);
    loop {
        let frame = Instant::now();
        let progress = run.advance(Duration::from_millis(2))?;
        longest[0] = longest[0].max(frame.elapsed());
        if frames.is_multiple_of(8) {
            let start = Instant::now();
            let (_, output) = run.predict_on_device(&pixels)?.pop().context("an output")?;
            longest[1] = longest[1].max(start.elapsed());
            let mut commands = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let range = output.range();
            commands.copy_buffer_to_buffer(output.buffer(), range.start, &texture, 0, range.end - range.start);
            queue.submit([commands.finish()]);
        }
        last = progress.logs.get("loss").copied().unwrap_or(last);
        frames += 1;
        if progress.done {
            break;
        }
        std::thread::sleep(FRAME.saturating_sub(frame.elapsed())); // here the program draws
    }
    println!("{frames} frames, loss {last:.4}");
    println!("the longest that wgrad took in a frame: {:.1?} to train, {:.1?} to predict", longest[0], longest[1]);
    Ok(())
}

/// The program's own device: that of the adapter whose name holds `name`.
fn open(name: &str) -> Result<(wgpu::Adapter, wgpu::Device, wgpu::Queue)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    let mut named = adapters.into_iter().filter(|adapter| adapter.get_info().name.to_lowercase().contains(name));
    let adapter = named.next().context("expected --device and a part of an adapter's name")?;
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;
    Ok((adapter, device, queue))
}

/// Pixels as points from -1 to 1, and how bright each is: rings.
fn picture() -> wgrad::Result<(Tensor, Tensor)> {
    let at = |i: usize| 2.0 * i as f32 / (SIDE - 1) as f32 - 1.0;
    let points: Vec<[f32; 2]> = (0..SIDE * SIDE).map(|i| [at(i % SIDE), at(i / SIDE)]).collect();
    let brightness = points.iter().map(|[x, y]| 0.5 + 0.5 * (6.0 * x.hypot(*y)).cos()).collect();
    Ok((Tensor::new([SIDE * SIDE, 2], points.concat())?, Tensor::new([SIDE * SIDE, 1], brightness)?))
}
