// The ways of Rust's standard library, asked as resident.h says.
use std::io::{self, BufRead};
use std::process::{Command, Stdio};
use std::time::Instant;

fn run(tiny: &str) -> bool {
    let status = Command::new(tiny)
        .stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn capture(tiny: &str) -> bool {
    Command::new(tiny).stdin(Stdio::null()).output()
        .is_ok_and(|output| output.status.success())
}

fn output(probe: &str, count: usize) -> bool {
    Command::new(probe).args(["--out", &count.to_string()]).output()
        .is_ok_and(|output| output.stdout.len() == count)
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let (tiny, probe) = (&words[words.len() - 2], &words[words.len() - 1]);
    for line in io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (name, count) = line.split_once(' ').expect("a job and a count");
        let count: usize = count.parse().expect("a count");
        let start = Instant::now();
        let done = match name {
            "run" => (0..count).all(|_| run(tiny)),
            "capture" => (0..count).all(|_| capture(tiny)),
            "output" => output(probe, count),
            _ => false,
        };
        let time = start.elapsed().as_nanos().to_string();
        println!("{}", if done { &time } else { "-" });
    }
}
