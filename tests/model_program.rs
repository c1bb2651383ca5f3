//! The program of a whole training step: its launches, and the rules that every browser has.

use wgrad::losses::BinaryCrossentropy;
use wgrad::optimizers::Adam;
use wgrad::{Dense, Device, Relu, Sequential, Sigmoid};

fn classifier(layers: &[usize]) -> wgrad::Model {
    let mut model = Sequential::new();
    for (i, &units) in layers.iter().enumerate() {
        let layer = Dense::new(units).activation(Relu);
        model = model.add(if i == 0 { layer.input_shape([10]) } else { layer });
    }
    let mut model = model.add(Dense::new(1).activation(Sigmoid)).build(&Device::cpu()).unwrap();
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy", "mse"]).unwrap();
    model
}

#[test]
fn a_step_is_two_launches_a_layer_and_three() {
    let mut model = classifier(&[64, 32]);
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
    let program = model.explain(32).unwrap();
    let names: Vec<&str> = program.steps.iter().map(|s| program.graph.nodes[s.node].op.name()).collect();
    let expected = [
        "dense",
        "dense",
        "dense",
        "binary_crossentropy_logits",
        "dense_backward",
        "dense_backward",
        "dense_backward",
        "adam",
        "step_end",
    ];
    assert_eq!(names, expected);
    assert_eq!(program.launches().count(), 9);
    println!("{program}");
}

#[test]
fn programs_of_models_keep_the_rules() {
    for layers in [&[1][..], &[64, 32], &[3, 257, 8, 1]] {
        for batch in [1, 7, 32, 1025] {
            let program = classifier(layers).explain(batch).unwrap();
            assert_eq!(program.violations(), [""; 0], "{layers:?}, batch {batch}");
            assert!(program.launches().all(|l| l.bindings.len() <= 8));
        }
    }
}

#[test]
fn the_summary_is_that_of_keras() {
    let expected = "\
Model: \"sequential\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 64)             │           704 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 32)             │         2,080 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_2 (Dense)                 │ (None, 1)              │            33 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 8,451 (33.01 KB)
 Trainable params: 2,817 (11.00 KB)
 Non-trainable params: 0 (0.00 B)
 Optimizer params: 5,634 (22.01 KB)
";
    assert_eq!(classifier(&[64, 32]).summary(), expected);
}
