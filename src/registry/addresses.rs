//! Which service has which address: an object for each.
//!
//! Mirrors `pkg/registry/core/service/storage/alloc.go` and `ipallocator` as they are since v1.33. The addresses
//! themselves are drawn in `admission/service_ip`.

use std::net::IpAddr;

use super::{Context, Registry};
use crate::api::k8s::api::core::v1::Service;
use crate::api::k8s::api::networking::v1::IPAddress;
use crate::api::names::addresses::parse_ip_sloppy;
use crate::api::request::{By, Deletion};
use crate::api::{Kind, Object, ObjectKey, Typed};
use crate::error::{ApiError, Reason};
use crate::kinds::networking::ip_address;

/// The first version that keeps an object for each address.
const SINCE: u32 = 33;

impl Registry {
    /// Notes the addresses of a service that are not noted yet.
    pub(super) fn take_addresses(&mut self, object: &Object) -> Result<(), ApiError> {
        let Some(service) = object.get::<Service>().filter(|_| self.version.0 >= SINCE) else { return Ok(()) };
        for address in addresses(service) {
            if self.view().get_as::<IPAddress>("", &address.to_string()).is_none() {
                self.plant(&By::cluster(), ip_address::of_service(address, service).into_object())?;
            }
        }
        Ok(())
    }

    /// Gives back the addresses that a service has no more.
    pub(super) fn release_addresses(&mut self, old: &Object, new: Option<&Object>) -> Result<(), ApiError> {
        let Some(service) = old.get::<Service>() else { return Ok(()) };
        let kept: Vec<IpAddr> = new.and_then(|new| new.get::<Service>()).map(addresses).unwrap_or_default();
        for address in addresses(service).into_iter().filter(|address| !kept.contains(address)) {
            let key = ObjectKey::cluster(Kind::IPAddress, address.to_string());
            let Some(object) = self.view().get(&key).cloned() else { continue };
            let by = By::cluster();
            match self.delete(&Deletion::of(&object), &Context::new(&by)) {
                Err(fault) if fault.reason == Reason::InternalError => return Err(fault),
                // OBSERVATION: whatever else keeps the address, the service goes all the same.
                _ => {}
            }
        }
        Ok(())
    }
}

/// The addresses that a service has.
fn addresses(service: &Service) -> Vec<IpAddr> {
    let ips = service.spec.iter().flat_map(|spec| spec.cluster_ips.iter().flatten());
    ips.filter_map(|ip| parse_ip_sloppy(ip)).collect()
}
