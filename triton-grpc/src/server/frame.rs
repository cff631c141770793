//! Replies that were encoded beforehand, and the codec that puts them on the wire.

use std::marker::PhantomData;

use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// First size of a stream's buffer, in bytes. Thousands of watchers wait with an empty one.
const BUFFER: usize = 1024;
/// Bytes after which a buffer is handed to the connection.
const YIELD: usize = 32 * 1024;

/// Largest reply with a list, in bytes; gRPC clients take 4 MiB unless told otherwise.
const PAGE: usize = 3 << 20;

/// An encoded `DeployReply` or `DeploysReply`. Clones share the bytes.
///
/// Field 1 of both is a flow, so that a reply with one flow is the same bytes as an entry of a list, and a
/// list is its entries one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Frame(Bytes);

impl Frame {
    /// Encodes a reply.
    pub(crate) fn encode(reply: &impl Message) -> Self {
        Self(reply.encode_to_vec().into())
    }

    /// Joins replies to one.
    pub(crate) fn join<'a>(frames: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = BytesMut::new();
        for frame in frames {
            all.extend_from_slice(&frame.0);
        }
        Self(all.freeze())
    }

    /// Whether both are the same bytes in memory.
    #[cfg(test)]
    pub(crate) fn shares_bytes_with(&self, other: &Self) -> bool {
        self.0.as_ptr() == other.0.as_ptr()
    }

    /// Size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Frames joined to replies of a bearable size; at least one.
pub(crate) fn pages<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Vec<Frame> {
    let mut pages = Vec::new();
    let (mut page, mut size) = (Vec::new(), 0_usize);
    for frame in frames {
        if !page.is_empty() && size.saturating_add(frame.len()) > PAGE {
            pages.push(Frame::join(page.drain(..)));
            size = 0;
        }
        size = size.saturating_add(frame.len());
        page.push(frame);
    }
    pages.push(Frame::join(page));
    pages
}

/// Something that can be put on the wire.
pub(crate) trait Wire: Send + 'static {
    /// Writes the message.
    fn put(self, out: &mut EncodeBuf<'_>) -> Result<(), Status>;
}

impl Wire for Frame {
    fn put(self, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(self.0);
        Ok(())
    }
}

impl<M: Message + 'static> Wire for M {
    fn put(self, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.encode(out).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Protobuf for the servers: writes [`Frame`]s as they are, and calls bad input by its name.
#[derive(Debug)]
pub(crate) struct Codec<T, U>(PhantomData<fn(T) -> U>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Wire, U: Message + Default + 'static> tonic::codec::Codec for Codec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        Self::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self::default()
    }
}

impl<T: Wire, U> Encoder for Codec<T, U> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.put(out)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, YIELD)
    }
}

impl<T, U: Message + Default> Decoder for Codec<T, U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = U::decode(from);
        message
            .map(Some)
            .map_err(|error| Status::invalid_argument(format!("the request cannot be read: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, YIELD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployflow::{Deploy, DeployReply, DeploysReply};

    #[test]
    fn one_flow_is_the_same_bytes_alone_and_in_a_list() {
        let one = Frame::encode(&reply("a"));
        assert_eq!(one, Frame::encode(&DeploysReply { deploys: vec![deploy("a")], ..Default::default() }));
    }

    #[test]
    fn a_list_is_its_entries_one_after_the_other() {
        let (a, b) = (Frame::encode(&reply("a")), Frame::encode(&reply("b")));
        let list = DeploysReply { deploys: vec![deploy("a"), deploy("b")], ..Default::default() };
        assert_eq!(Frame::join([&a, &b]), Frame::encode(&list));
        assert_eq!(Frame::join([]).len(), 0);
    }

    fn reply(name: &str) -> DeployReply {
        DeployReply { deploy: Some(deploy(name)), already: false }
    }

    fn deploy(name: &str) -> Deploy {
        Deploy { name: name.into(), paused: true, ..Default::default() }
    }
}
