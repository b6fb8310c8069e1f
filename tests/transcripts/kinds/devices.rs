//! Devices and claims of them, which are kept and checked.

use insta::assert_snapshot;

use crate::transcripts::Session;

const ALL: &str = "
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata:
  name: gpu.example.com
spec:
  selectors:
  - cel: {expression: device.driver == 'gpu.example.com'}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata:
  name: agent-0
spec:
  driver: gpu.example.com
  nodeName: k3d-deadless-agent-0
  pool: {name: agent-0, generation: 1, resourceSliceCount: 1}
  devices:
  - name: gpu-0
    attributes:
      model: {string: A100}
      driverVersion: {version: 1.2.3}
    capacity:
      memory: {value: 40Gi}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata:
  name: one
spec:
  devices:
    requests:
    - name: gpu
      exactly: {deviceClassName: gpu.example.com}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata:
  name: one
spec:
  spec:
    devices:
      requests:
      - name: gpu
        firstAvailable:
        - {name: big, deviceClassName: gpu.example.com}
";

#[test]
fn they_are_kept() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(ALL), @"
    deviceclass.resource.k8s.io/gpu.example.com created
    resourceslice.resource.k8s.io/agent-0 created
    resourceclaim.resource.k8s.io/one created
    resourceclaimtemplate.resource.k8s.io/one created
    ");
    assert_snapshot!(session.run(&[
        "kubectl get deviceclasses,resourceslices,resourceclaims,resourceclaimtemplates",
        "kubectl get resourceclaim one -o yaml",
        "kubectl get resourceclaimtemplate one -o jsonpath={.spec}",
        "kubectl get resourceslices --field-selector=spec.nodeName=k3d-deadless-agent-0 -o name",
        "kubectl describe resourceclaim one",
        "kubectl patch resourceclaim one --type=merge -p '{\"spec\":{\"devices\":{\"requests\":null}}}'",
        "kubectl patch resourceclaim one --subresource=status --type=merge -p '{\"status\":{\"reservedFor\":[{\"resource\":\"pods\",\"name\":\"web\",\"uid\":\"1\"}]}}'",
    ]), @r#"
    $ kubectl get deviceclasses,resourceslices,resourceclaims,resourceclaimtemplates
    NAME                                          AGE
    deviceclass.resource.k8s.io/gpu.example.com   0s

    NAME                                    NODE                   DRIVER            POOL      AGE
    resourceslice.resource.k8s.io/agent-0   k3d-deadless-agent-0   gpu.example.com   agent-0   0s

    NAME                                STATE     AGE
    resourceclaim.resource.k8s.io/one   pending   0s

    NAME                                        AGE
    resourceclaimtemplate.resource.k8s.io/one   0s
    $ kubectl get resourceclaim one -o yaml
    apiVersion: resource.k8s.io/v1
    kind: ResourceClaim
    metadata:
      annotations:
        kubectl.kubernetes.io/last-applied-configuration: |
          {"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{"annotations":{},"name":"one","namespace":"default"},"spec":{"devices":{"requests":[{"exactly":{"deviceClassName":"gpu.example.com"},"name":"gpu"}]}}}
      creationTimestamp: "2026-01-01T00:00:00Z"
      name: one
      namespace: default
      resourceVersion: "218"
      uid: 14fcebb6-cb15-439f-ae0d-e045eb634150
    spec:
      devices:
        requests:
        - exactly:
            allocationMode: ExactCount
            count: 1
            deviceClassName: gpu.example.com
          name: gpu
    status: {}
    $ kubectl get resourceclaimtemplate one -o jsonpath={.spec}
    {"metadata":{},"spec":{"devices":{"requests":[{"firstAvailable":[{"allocationMode":"ExactCount","count":1,"deviceClassName":"gpu.example.com","name":"big"}],"name":"gpu"}]}}}$ kubectl get resourceslices --field-selector=spec.nodeName=k3d-deadless-agent-0 -o name
    resourceslice.resource.k8s.io/agent-0
    $ kubectl describe resourceclaim one
    Name:         one
    Namespace:    default
    Labels:       <none>
    Annotations:  <none>
    API Version:  resource.k8s.io/v1
    Kind:         ResourceClaim
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:00Z
      Resource Version:    218
      UID:                 14fcebb6-cb15-439f-ae0d-e045eb634150
    Spec:
      Devices:
        Requests:
          Exactly:
            Allocation Mode:    ExactCount
            Count:              1
            Device Class Name:  gpu.example.com
          Name:                 gpu
    Status:
    Events:  <none>
    $ kubectl patch resourceclaim one --type=merge -p '{"spec":{"devices":{"requests":null}}}'
    The ResourceClaim "one" is invalid: spec: Invalid value: {"Devices":{"Requests":null,"Constraints":null,"Config":null}}: field is immutable
    [exit 1]
    $ kubectl patch resourceclaim one --subresource=status --type=merge -p '{"status":{"reservedFor":[{"resource":"pods","name":"web","uid":"1"}]}}'
    The ResourceClaim "one" is invalid: status.reservedFor: Forbidden: may not be specified when `allocated` is not set
    [exit 1]
    "#);
}

#[test]
fn what_is_odd_is_refused() {
    let mut session = Session::new();
    let odd = ALL
        .replace("  - cel: {expression: device.driver == 'gpu.example.com'}", "  - {}\n  extendedResourceName: cpu")
        .replace("driver: gpu.example.com", "driver: ''")
        .replace("resourceSliceCount: 1", "resourceSliceCount: 0")
        .replace("nodeName: k3d-deadless-agent-0", "nodeName: a\n  allNodes: true")
        .replace("{string: A100}", "{string: A100, int: 5}")
        .replace("1.2.3", "01.2.3")
        .replace("exactly: {deviceClassName: gpu.example.com}", "exactly: {deviceClassName: '', allocationMode: Some}")
        .replace("name: big", "name: B_ig");
    assert_snapshot!(session.apply(&odd), @r#"
    Error from server (Invalid): error when creating "STDIN": DeviceClass.resource.k8s.io "gpu.example.com" is invalid: [spec.selectors[0].cel: Required value, spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name]
    Error from server (Invalid): error when creating "STDIN": ResourceSlice.resource.k8s.io "agent-0" is invalid: [spec.driver: Required value, spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero, spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set, spec.devices[0].attributes[driverVersion].version: Invalid value: "01.2.3": must be a string compatible with semver.org spec 2.0.0, spec.devices[0].attributes[model]: Invalid value: {"IntValue":5,"BoolValue":null,"StringValue":"A100","VersionValue":null,"IntValues":null,"BoolValues":null,"StringValues":null,"VersionValues":null}: exactly one value must be specified]
    Error from server (Invalid): error when creating "STDIN": ResourceClaim.resource.k8s.io "one" is invalid: [spec.devices.requests[0].exactly.deviceClassName: Required value, spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"]
    Error from server (Invalid): error when creating "STDIN": ResourceClaimTemplate.resource.k8s.io "one" is invalid: spec.spec.devices.requests[0].firstAvailable[0].name: Invalid value: "B_ig": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
    "#);
    let twice = "
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata:
  name: two
spec:
  devices:
    requests:
    - {name: gpu, exactly: {deviceClassName: a, count: 2, allocationMode: All}}
    - {name: gpu}
    constraints:
    - {requests: [gpu/x, disk], matchAttribute: model}
    - {}
    config:
    - {requests: [gpu]}
";
    assert_snapshot!(session.apply(twice), @r#"
    The ResourceClaim "two" is invalid: 
    * spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'
    * spec.devices.requests[1]: Required value: exactly one of `exactly` or `firstAvailable` is required
    * spec.devices.requests[1]: Duplicate value: "gpu"
    * spec.devices.constraints[0].requests[0]: Invalid value: "gpu/x": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
    * spec.devices.constraints[0].requests[1]: Invalid value: "disk": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
    * spec.devices.constraints[0].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash
    * spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set
    * spec.devices.config[0].opaque: Required value
    "#);
}
