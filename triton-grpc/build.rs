//! Compiles the proto files in pure Rust: no `protoc` on the machine.
//!
//! Two passes. The first makes the messages and the clients. The second makes the servers, over the same
//! messages, except that the replies which carry flows are frames encoded beforehand: one change is encoded
//! once, however many watch it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use tonic_prost_build::Builder;

const FILES: [&str; 3] = ["deployflow.proto", "application.proto", "pod.proto"];
const FRAME: &str = "crate::server::Frame";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let set = compiler.file_descriptor_set();

    builder(&out.join("messages"))?.build_server(false).compile_fds(set.clone())?;
    builder(&out.join("servers"))?
        .build_client(false)
        .codec_path("crate::server::Codec")
        .extern_path(".application", "crate::application")
        .extern_path(".deployflow", "crate::deployflow")
        .extern_path(".deployflow.DeployReply", FRAME)
        .extern_path(".deployflow.DeploysReply", FRAME)
        .extern_path(".pod", "crate::pod")
        .compile_fds(set)?;

    compiler.include_source_info(false);
    fs::write(out.join("triton.bin"), compiler.encode_file_descriptor_set())?;
    Ok(())
}

fn builder(out: &Path) -> Result<Builder, Box<dyn Error>> {
    fs::create_dir_all(out)?;
    Ok(tonic_prost_build::configure().out_dir(out).emit_rerun_if_changed(false))
}
