//! The kinds of `resource.k8s.io`.

use crate::api::k8s::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice};
use crate::kinds::Strategy;

impl Strategy for DeviceClass {}

impl Strategy for ResourceClaim {}

impl Strategy for ResourceClaimTemplate {}

impl Strategy for ResourceSlice {}
