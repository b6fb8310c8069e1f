//! VolumeAttributesClass.

use crate::api::k8s::api::storage::v1::VolumeAttributesClass;
use crate::kinds::Strategy;

impl Strategy for VolumeAttributesClass {}
