//! The bodies of answers: whole, or piece by piece as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::Pieces;

/// A body.
pub(super) enum Told {
    /// All of it, until it was taken.
    Whole(Option<Bytes>),
    /// What comes.
    Pieces(Pieces),
}

impl Told {
    pub(super) fn whole(bytes: Vec<u8>) -> Told {
        Told::Whole(Some(bytes.into()))
    }
}

impl Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Told::Whole(bytes) => Poll::Ready(bytes.take().filter(|b| !b.is_empty()).map(|b| Ok(Frame::data(b)))),
            Told::Pieces(pieces) => pieces.comes.poll_recv(context).map(|piece| {
                let piece = piece?;
                pieces.waiting.less(piece.len());
                Some(Ok(Frame::data(piece.into())))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Told::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Told::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Told::Pieces(_) => SizeHint::default(),
        }
    }
}
