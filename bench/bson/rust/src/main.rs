//! What the bson crate does with a corpus that `bson --write` wrote. Names of passes come in by standard input, one a
//! line; each is run once, and answered with what it saw and its CPU time, as `bson --ask` does it.
//!
//!   rust_bson FILE               iter, serde or extjson by standard input
//!   rust_bson FILE --once PASS   one pass and nothing else
//!
//!   iter     every element of the replies as the raw iterator gives it, which checks names and texts
//!   serde    the events through serde_json, straight from the bytes; dates are not as relaxed JSON has them
//!   extjson  the events as relaxed extended JSON, by way of the crate's own values

use bson::{Bson, Document, RawBsonRef, RawDocument};
use std::io::{BufRead, Write};

type Failure = Box<dyn std::error::Error>;

#[derive(Default)]
struct Tally {
    elements: u64,
    name_bytes: u64,
    types: u64,
    events: u64,
    output_bytes: u64,
}

struct Corpus<'a> {
    bytes: usize,
    bodies: Vec<&'a RawDocument>,
    events: Vec<&'a RawDocument>,
}

/// A header of 16 bytes, flags, the kind of the section; then the body, to the end.
const BEFORE_BODY: usize = 16 + 4 + 1;

fn corpus(bytes: &[u8]) -> Result<Corpus<'_>, Failure> {
    let mut all = Corpus { bytes: bytes.len(), bodies: vec![], events: vec![] };
    let mut left = bytes;
    while !left.is_empty() {
        let length = left.get(..4).ok_or("a cut message")?;
        let length = u32::from_le_bytes(length.try_into()?) as usize;
        let body = RawDocument::from_bytes(left.get(BEFORE_BODY..length).ok_or("a cut message")?)?;
        for event in body.get_document("cursor")?.get_array("nextBatch")? {
            all.events.push(event?.as_document().ok_or("an event that is no document")?);
        }
        all.bodies.push(body);
        left = &left[length..];
    }
    Ok(all)
}

fn visit(document: &RawDocument, seen: &mut Tally) -> Result<(), bson::error::Error> {
    for element in document {
        let (name, value) = element?;
        seen.elements += 1;
        seen.name_bytes += name.as_str().len() as u64;
        seen.types += value.element_type() as u64;
        match value {
            RawBsonRef::Document(inside) => visit(inside, seen)?,
            // Its own iterator leaves the names out.
            RawBsonRef::Array(inside) => visit(RawDocument::from_bytes(inside.as_bytes())?, seen)?,
            _ => {}
        }
    }
    Ok(())
}

#[no_mangle]
#[inline(never)]
fn rust_iter_pass(of: &Corpus) -> Result<Tally, Failure> {
    let mut seen = Tally::default();
    for body in &of.bodies {
        visit(body, &mut seen)?;
    }
    Ok(seen)
}

/// Into one buffer, which is emptied as ours is.
fn lines(of: &Corpus, put: impl Fn(&RawDocument, &mut Vec<u8>) -> Result<(), Failure>) -> Result<Tally, Failure> {
    const BATCH_BYTES: usize = 256 * 1024;
    let mut seen = Tally::default();
    let mut out = Vec::with_capacity(2 * BATCH_BYTES);
    for event in &of.events {
        put(event, &mut out)?;
        out.push(b'\n');
        seen.events += 1;
        if out.len() >= BATCH_BYTES {
            seen.output_bytes += std::hint::black_box(&out).len() as u64;
            out.clear();
        }
    }
    seen.output_bytes += std::hint::black_box(&out).len() as u64;
    Ok(seen)
}

#[no_mangle]
#[inline(never)]
fn rust_serde_pass(of: &Corpus) -> Result<Tally, Failure> {
    lines(of, |event, out| Ok(serde_json::to_writer(out, &event)?))
}

#[no_mangle]
#[inline(never)]
fn rust_extjson_pass(of: &Corpus) -> Result<Tally, Failure> {
    lines(of, |event, out| {
        let values = Bson::Document(Document::try_from(event)?);
        Ok(serde_json::to_writer(out, &values.into_relaxed_extjson())?)
    })
}

fn pass(name: &str, of: &Corpus) -> Result<Tally, Failure> {
    match name {
        "iter" => rust_iter_pass(of),
        "serde" => rust_serde_pass(of),
        "extjson" => rust_extjson_pass(of),
        _ => Err(format!("no such pass: {name}").into()),
    }
}

fn cpu_seconds() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // The clock is there, and it writes to `now` only.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let content = std::fs::read(words.first().ok_or("usage: rust_bson FILE [--once PASS]")?)?;
    let all = corpus(&content)?;
    if let [_, option, name] = &words[..] {
        if option != "--once" {
            return Err("usage: rust_bson FILE [--once PASS]".into());
        }
        let seen = pass(name, &all)?;
        println!("{} bytes {} events {} elements", all.bytes, all.events.len(), seen.elements);
        return Ok(());
    }
    for name in std::io::stdin().lock().lines() {
        let begin = cpu_seconds();
        let seen = std::hint::black_box(pass(&name?, &all)?);
        let seconds = cpu_seconds() - begin;
        println!(
            r#"{{"seconds":{seconds:.6},"bytes":{},"elements":{},"name_bytes":{},"types":{},"events":{},"output_bytes":{}}}"#,
            all.bytes, seen.elements, seen.name_bytes, seen.types, seen.events, seen.output_bytes
        );
        std::io::stdout().flush()?;
    }
    Ok(())
}
