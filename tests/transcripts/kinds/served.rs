//! What is served, and in which versions.

use insta::assert_snapshot;

use crate::transcripts::Session;

#[test]
fn every_resource_is_served_as_a_server_of_today_serves_it() {
    assert_snapshot!(Session::new().run(&["kubectl api-resources -o wide", "kubectl api-versions"]), @"
    $ kubectl api-resources -o wide
    NAME                                SHORTNAMES   APIVERSION                        NAMESPACED   KIND                               VERBS                                                        CATEGORIES
    bindings                                         v1                                true         Binding                            create                                                       
    componentstatuses                   cs           v1                                false        ComponentStatus                    get,list                                                     
    configmaps                          cm           v1                                true         ConfigMap                          create,delete,deletecollection,get,list,patch,update,watch   
    endpoints                           ep           v1                                true         Endpoints                          create,delete,deletecollection,get,list,patch,update,watch   
    events                              ev           v1                                true         Event                              create,delete,deletecollection,get,list,patch,update,watch   
    limitranges                         limits       v1                                true         LimitRange                         create,delete,deletecollection,get,list,patch,update,watch   
    namespaces                          ns           v1                                false        Namespace                          create,delete,get,list,patch,update,watch                    
    nodes                               no           v1                                false        Node                               create,delete,deletecollection,get,list,patch,update,watch   
    persistentvolumeclaims              pvc          v1                                true         PersistentVolumeClaim              create,delete,deletecollection,get,list,patch,update,watch   
    persistentvolumes                   pv           v1                                false        PersistentVolume                   create,delete,deletecollection,get,list,patch,update,watch   
    pods                                po           v1                                true         Pod                                create,delete,deletecollection,get,list,patch,update,watch   all
    podtemplates                                     v1                                true         PodTemplate                        create,delete,deletecollection,get,list,patch,update,watch   
    replicationcontrollers              rc           v1                                true         ReplicationController              create,delete,deletecollection,get,list,patch,update,watch   all
    resourcequotas                      quota        v1                                true         ResourceQuota                      create,delete,deletecollection,get,list,patch,update,watch   
    secrets                                          v1                                true         Secret                             create,delete,deletecollection,get,list,patch,update,watch   
    serviceaccounts                     sa           v1                                true         ServiceAccount                     create,delete,deletecollection,get,list,patch,update,watch   
    services                            svc          v1                                true         Service                            create,delete,deletecollection,get,list,patch,update,watch   all
    mutatingadmissionpolicies                        admissionregistration.k8s.io/v1   false        MutatingAdmissionPolicy            create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    mutatingadmissionpolicybindings                  admissionregistration.k8s.io/v1   false        MutatingAdmissionPolicyBinding     create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    mutatingwebhookconfigurations                    admissionregistration.k8s.io/v1   false        MutatingWebhookConfiguration       create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    validatingadmissionpolicies                      admissionregistration.k8s.io/v1   false        ValidatingAdmissionPolicy          create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    validatingadmissionpolicybindings                admissionregistration.k8s.io/v1   false        ValidatingAdmissionPolicyBinding   create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    validatingwebhookconfigurations                  admissionregistration.k8s.io/v1   false        ValidatingWebhookConfiguration     create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    customresourcedefinitions           crd,crds     apiextensions.k8s.io/v1           false        CustomResourceDefinition           create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    apiservices                                      apiregistration.k8s.io/v1         false        APIService                         create,delete,deletecollection,get,list,patch,update,watch   api-extensions
    controllerrevisions                              apps/v1                           true         ControllerRevision                 create,delete,deletecollection,get,list,patch,update,watch   
    daemonsets                          ds           apps/v1                           true         DaemonSet                          create,delete,deletecollection,get,list,patch,update,watch   all
    deployments                         deploy       apps/v1                           true         Deployment                         create,delete,deletecollection,get,list,patch,update,watch   all
    replicasets                         rs           apps/v1                           true         ReplicaSet                         create,delete,deletecollection,get,list,patch,update,watch   all
    statefulsets                        sts          apps/v1                           true         StatefulSet                        create,delete,deletecollection,get,list,patch,update,watch   all
    selfsubjectreviews                               authentication.k8s.io/v1          false        SelfSubjectReview                  create                                                       
    tokenreviews                                     authentication.k8s.io/v1          false        TokenReview                        create                                                       
    localsubjectaccessreviews                        authorization.k8s.io/v1           true         LocalSubjectAccessReview           create                                                       
    selfsubjectaccessreviews                         authorization.k8s.io/v1           false        SelfSubjectAccessReview            create                                                       
    selfsubjectrulesreviews                          authorization.k8s.io/v1           false        SelfSubjectRulesReview             create                                                       
    subjectaccessreviews                             authorization.k8s.io/v1           false        SubjectAccessReview                create                                                       
    horizontalpodautoscalers            hpa          autoscaling/v2                    true         HorizontalPodAutoscaler            create,delete,deletecollection,get,list,patch,update,watch   all
    cronjobs                            cj           batch/v1                          true         CronJob                            create,delete,deletecollection,get,list,patch,update,watch   all
    jobs                                             batch/v1                          true         Job                                create,delete,deletecollection,get,list,patch,update,watch   all
    certificatesigningrequests          csr          certificates.k8s.io/v1            false        CertificateSigningRequest          create,delete,deletecollection,get,list,patch,update,watch   
    leases                                           coordination.k8s.io/v1            true         Lease                              create,delete,deletecollection,get,list,patch,update,watch   
    endpointslices                                   discovery.k8s.io/v1               true         EndpointSlice                      create,delete,deletecollection,get,list,patch,update,watch   
    events                              ev           events.k8s.io/v1                  true         Event                              create,delete,deletecollection,get,list,patch,update,watch   
    flowschemas                                      flowcontrol.apiserver.k8s.io/v1   false        FlowSchema                         create,delete,deletecollection,get,list,patch,update,watch   
    prioritylevelconfigurations                      flowcontrol.apiserver.k8s.io/v1   false        PriorityLevelConfiguration         create,delete,deletecollection,get,list,patch,update,watch   
    ingressclasses                                   networking.k8s.io/v1              false        IngressClass                       create,delete,deletecollection,get,list,patch,update,watch   
    ingresses                           ing          networking.k8s.io/v1              true         Ingress                            create,delete,deletecollection,get,list,patch,update,watch   
    ipaddresses                         ip           networking.k8s.io/v1              false        IPAddress                          create,delete,deletecollection,get,list,patch,update,watch   
    networkpolicies                     netpol       networking.k8s.io/v1              true         NetworkPolicy                      create,delete,deletecollection,get,list,patch,update,watch   
    servicecidrs                                     networking.k8s.io/v1              false        ServiceCIDR                        create,delete,deletecollection,get,list,patch,update,watch   
    runtimeclasses                                   node.k8s.io/v1                    false        RuntimeClass                       create,delete,deletecollection,get,list,patch,update,watch   
    poddisruptionbudgets                pdb          policy/v1                         true         PodDisruptionBudget                create,delete,deletecollection,get,list,patch,update,watch   
    clusterrolebindings                              rbac.authorization.k8s.io/v1      false        ClusterRoleBinding                 create,delete,deletecollection,get,list,patch,update,watch   
    clusterroles                                     rbac.authorization.k8s.io/v1      false        ClusterRole                        create,delete,deletecollection,get,list,patch,update,watch   
    rolebindings                                     rbac.authorization.k8s.io/v1      true         RoleBinding                        create,delete,deletecollection,get,list,patch,update,watch   
    roles                                            rbac.authorization.k8s.io/v1      true         Role                               create,delete,deletecollection,get,list,patch,update,watch   
    deviceclasses                                    resource.k8s.io/v1                false        DeviceClass                        create,delete,deletecollection,get,list,patch,update,watch   
    resourceclaims                                   resource.k8s.io/v1                true         ResourceClaim                      create,delete,deletecollection,get,list,patch,update,watch   
    resourceclaimtemplates                           resource.k8s.io/v1                true         ResourceClaimTemplate              create,delete,deletecollection,get,list,patch,update,watch   
    resourceslices                                   resource.k8s.io/v1                false        ResourceSlice                      create,delete,deletecollection,get,list,patch,update,watch   
    priorityclasses                     pc           scheduling.k8s.io/v1              false        PriorityClass                      create,delete,deletecollection,get,list,patch,update,watch   
    csidrivers                                       storage.k8s.io/v1                 false        CSIDriver                          create,delete,deletecollection,get,list,patch,update,watch   
    csinodes                                         storage.k8s.io/v1                 false        CSINode                            create,delete,deletecollection,get,list,patch,update,watch   
    csistoragecapacities                             storage.k8s.io/v1                 true         CSIStorageCapacity                 create,delete,deletecollection,get,list,patch,update,watch   
    storageclasses                      sc           storage.k8s.io/v1                 false        StorageClass                       create,delete,deletecollection,get,list,patch,update,watch   
    volumeattachments                                storage.k8s.io/v1                 false        VolumeAttachment                   create,delete,deletecollection,get,list,patch,update,watch   
    volumeattributesclasses             vac          storage.k8s.io/v1                 false        VolumeAttributesClass              create,delete,deletecollection,get,list,patch,update,watch   
    $ kubectl api-versions
    admissionregistration.k8s.io/v1
    apiextensions.k8s.io/v1
    apiregistration.k8s.io/v1
    apps/v1
    authentication.k8s.io/v1
    authorization.k8s.io/v1
    autoscaling/v1
    autoscaling/v2
    batch/v1
    certificates.k8s.io/v1
    coordination.k8s.io/v1
    discovery.k8s.io/v1
    events.k8s.io/v1
    flowcontrol.apiserver.k8s.io/v1
    networking.k8s.io/v1
    node.k8s.io/v1
    policy/v1
    rbac.authorization.k8s.io/v1
    resource.k8s.io/v1
    scheduling.k8s.io/v1
    storage.k8s.io/v1
    v1
    ");
}

#[test]
fn parts_are_served_too() {
    let mut session = Session::new();
    let list = session.run(&["kubectl get --raw /api/v1"]);
    for part in ["nodes/proxy", "pods/proxy", "services/proxy", "namespaces/finalize"] {
        assert!(list.contains(&format!("\"name\":\"{part}\"")), "{part}");
    }
    assert_snapshot!(session.run(&[
        "kubectl get --raw /apis/flowcontrol.apiserver.k8s.io/v1",
        "kubectl get --raw /apis/admissionregistration.k8s.io/v1",
    ]), @r#"
    $ kubectl get --raw /apis/flowcontrol.apiserver.k8s.io/v1
    {"kind":"APIResourceList","apiVersion":"v1","groupVersion":"flowcontrol.apiserver.k8s.io/v1","resources":[{"name":"flowschemas","singularName":"flowschema","namespaced":false,"kind":"FlowSchema","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"storageVersionHash":"GJVAJZSZBIw="},{"name":"flowschemas/status","singularName":"","namespaced":false,"kind":"FlowSchema","verbs":["get","patch","update"]},{"name":"prioritylevelconfigurations","singularName":"prioritylevelconfiguration","namespaced":false,"kind":"PriorityLevelConfiguration","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"storageVersionHash":"Kir5PVfvNeI="},{"name":"prioritylevelconfigurations/status","singularName":"","namespaced":false,"kind":"PriorityLevelConfiguration","verbs":["get","patch","update"]}]}
    $ kubectl get --raw /apis/admissionregistration.k8s.io/v1
    {"kind":"APIResourceList","apiVersion":"v1","groupVersion":"admissionregistration.k8s.io/v1","resources":[{"name":"mutatingadmissionpolicies","singularName":"mutatingadmissionpolicy","namespaced":false,"kind":"MutatingAdmissionPolicy","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"categories":["api-extensions"],"storageVersionHash":"mHCkTKpUTrE="},{"name":"mutatingadmissionpolicybindings","singularName":"mutatingadmissionpolicybinding","namespaced":false,"kind":"MutatingAdmissionPolicyBinding","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"categories":["api-extensions"],"storageVersionHash":"ZKgZT1uTmZ0="},{"name":"mutatingwebhookconfigurations","singularName":"mutatingwebhookconfiguration","namespaced":false,"kind":"MutatingWebhookConfiguration","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"categories":["api-extensions"],"storageVersionHash":"Sqi0GUgDaX0="},{"name":"validatingadmissionpolicies","singularName":"validatingadmissionpolicy","namespaced":false,"kind":"ValidatingAdmissionPolicy","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"categories":["api-extensions"],"storageVersionHash":"6OxvlMmQ6is="},{"name":"validatingadmissionpolicies/status","singularName":"","namespaced":false,"kind":"ValidatingAdmissionPolicy","verbs":["get","patch","update"]},{"name":"validatingadmissionpolicybindings","singularName":"validatingadmissionpolicybinding","namespaced":false,"kind":"ValidatingAdmissionPolicyBinding","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"categories":["api-extensions"],"storageVersionHash":"v9715VZqakg="},{"name":"validatingwebhookconfigurations","singularName":"validatingwebhookconfiguration","namespaced":false,"kind":"ValidatingWebhookConfiguration","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"categories":["api-extensions"],"storageVersionHash":"B0wHjQmsGNk="}]}
    "#);
}

#[test]
fn nobody_answers_behind_a_proxy() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl run web --image=nginx --port=8080",
        "kubectl get --raw /api/v1/namespaces/default/pods/web/proxy/healthz",
        "kubectl get --raw /api/v1/namespaces/default/pods/web:9090/proxy/",
        "kubectl get --raw /api/v1/namespaces/default/pods/nope/proxy/",
        "kubectl get --raw /api/v1/namespaces/default/services/https:kubernetes:https/proxy/",
        "kubectl get --raw /api/v1/namespaces/default/services/kubernetes:80/proxy/",
        "kubectl get --raw /api/v1/nodes/k3d-deadless-agent-0/proxy/metrics",
        "kubectl get --raw /api/v1/nodes/k3d-deadless-agent-0/proxy/metrics --as=jane",
    ]), @r#"
    $ kubectl run web --image=nginx --port=8080
    pod/web created
    $ kubectl get --raw /api/v1/namespaces/default/pods/web/proxy/healthz
    Error from server (ServiceUnavailable): error trying to reach service: dial tcp 10.42.1.2:8080: connect: connection refused
    [exit 1]
    $ kubectl get --raw /api/v1/namespaces/default/pods/web:9090/proxy/
    Error from server (ServiceUnavailable): error trying to reach service: dial tcp 10.42.1.2:9090: connect: connection refused
    [exit 1]
    $ kubectl get --raw /api/v1/namespaces/default/pods/nope/proxy/
    Error from server (NotFound): pods "nope" not found
    [exit 1]
    $ kubectl get --raw /api/v1/namespaces/default/services/https:kubernetes:https/proxy/
    Error from server (ServiceUnavailable): no endpoints available for service "https:kubernetes:https"
    [exit 1]
    $ kubectl get --raw /api/v1/namespaces/default/services/kubernetes:80/proxy/
    Error from server (ServiceUnavailable): no service port "80" found for service "kubernetes"
    [exit 1]
    $ kubectl get --raw /api/v1/nodes/k3d-deadless-agent-0/proxy/metrics
    Error from server (ServiceUnavailable): error trying to reach service: dial tcp 172.18.0.3:10250: connect: connection refused
    [exit 1]
    $ kubectl get --raw /api/v1/nodes/k3d-deadless-agent-0/proxy/metrics --as=jane
    Error from server (Forbidden): nodes "k3d-deadless-agent-0" is forbidden: User "jane" cannot get resource "nodes/proxy" in API group "" at the cluster scope
    [exit 1]
    "#);
}

#[test]
fn component_statuses_are_worked_out_and_deprecated() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get cs",
        "kubectl get componentstatus etcd-0 -o yaml",
        "kubectl get cs nope",
        "kubectl describe cs scheduler",
        "kubectl delete cs scheduler",
    ]), @r#"
    $ kubectl get cs
    Warning: v1 ComponentStatus is deprecated in v1.19+
    NAME                 STATUS    MESSAGE   ERROR
    controller-manager   Healthy   ok        
    etcd-0               Healthy   ok        
    scheduler            Healthy   ok        
    $ kubectl get componentstatus etcd-0 -o yaml
    Warning: v1 ComponentStatus is deprecated in v1.19+
    apiVersion: v1
    conditions:
    - message: ok
      status: "True"
      type: Healthy
    kind: ComponentStatus
    metadata:
      name: etcd-0
    $ kubectl get cs nope
    Warning: v1 ComponentStatus is deprecated in v1.19+
    Error from server (NotFound): componentstatus "nope" not found
    [exit 1]
    $ kubectl describe cs scheduler
    Warning: v1 ComponentStatus is deprecated in v1.19+
    Name:         scheduler
    Namespace:    
    Labels:       <none>
    Annotations:  <none>
    API Version:  v1
    Conditions:
      Message:  ok
      Status:   True
      Type:     Healthy
    Kind:       ComponentStatus
    Metadata:
    Events:  <none>
    $ kubectl delete cs scheduler
    Error from server (MethodNotAllowed): the server does not allow this method on the requested resource
    [exit 1]
    "#);
}

#[test]
fn explanations_and_names_come_from_the_same_table() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl explain csr.spec.usages",
        "kubectl explain flowschema.spec.rules.subjects",
        "kubectl explain validatingadmissionpolicies.spec.failurePolicy",
        "kubectl explain resourceclaims.spec.devices.requests.exactly.allocationMode",
        "kubectl explain apiservices.spec.groupPriorityMinimum",
        "kubectl explain ip.spec.parentRef --recursive",
        "kubectl explain servicecidrs.spec",
        "kubectl explain crd.spec.versions.subresources.status",
        "kubectl explain selfsubjectreviews.status",
        "kubectl explain deviceclass.spec",
    ]), @r#"
    $ kubectl explain csr.spec.usages
    GROUP:      certificates.k8s.io
    KIND:       CertificateSigningRequest
    VERSION:    v1

    FIELD: usages <[]string>


    DESCRIPTION:
        usages specifies a set of key usages requested in the issued certificate.
        
        Requests for TLS client certificates typically request: "digital signature",
        "key encipherment", "client auth".
        
        Requests for TLS serving certificates typically request: "key encipherment",
        "digital signature", "server auth".
        
        Valid values are:
         "signing", "digital signature", "content commitment",
         "key encipherment", "key agreement", "data encipherment",
         "cert sign", "crl sign", "encipher only", "decipher only", "any",
         "server auth", "client auth",
         "code signing", "email protection", "s/mime",
         "ipsec end system", "ipsec tunnel", "ipsec user",
         "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"
        

    $ kubectl explain flowschema.spec.rules.subjects
    GROUP:      flowcontrol.apiserver.k8s.io
    KIND:       FlowSchema
    VERSION:    v1

    FIELD: subjects <[]Subject>


    DESCRIPTION:
        subjects is the list of normal user, serviceaccount, or group that this rule
        cares about. There must be at least one member in this slice. A slice that
        includes both the system:authenticated and system:unauthenticated user
        groups matches every request. Required.
        Subject matches the originator of a request, as identified by the request
        authentication system. There are three ways of matching an originator; by
        user, group, or service account.
        
    FIELDS:
      group	<GroupSubject>
        `group` matches based on user group name.

      kind	<string> -required-
        `kind` indicates which one of the other fields is non-empty. Required

      serviceAccount	<ServiceAccountSubject>
        `serviceAccount` matches ServiceAccounts.

      user	<UserSubject>
        `user` matches based on username.


    $ kubectl explain validatingadmissionpolicies.spec.failurePolicy
    GROUP:      admissionregistration.k8s.io
    KIND:       ValidatingAdmissionPolicy
    VERSION:    v1

    FIELD: failurePolicy <string>
    ENUM:
        Fail
        Ignore

    DESCRIPTION:
        failurePolicy defines how to handle failures for the admission policy.
        Failures can occur from CEL expression parse errors, type check errors,
        runtime errors and invalid or mis-configured policy definitions or bindings.
        
        A policy is invalid if spec.paramKind refers to a non-existent Kind. A
        binding is invalid if spec.paramRef.name refers to a non-existent resource.
        
        failurePolicy does not define how validations that evaluate to false are
        handled.
        
        When failurePolicy is set to Fail, ValidatingAdmissionPolicyBinding
        validationActions define how failures are enforced.
        
        Allowed values are Ignore or Fail. Defaults to Fail.
        
        Possible enum values:
         - `"Fail"` means that an error calling the webhook causes the admission to
        fail.
         - `"Ignore"` means that an error calling the webhook is ignored.
        

    $ kubectl explain resourceclaims.spec.devices.requests.exactly.allocationMode
    GROUP:      resource.k8s.io
    KIND:       ResourceClaim
    VERSION:    v1

    FIELD: allocationMode <string>
    ENUM:
        All
        ExactCount

    DESCRIPTION:
        AllocationMode and its related fields define how devices are allocated to
        satisfy this request. Supported values are:
        
        - ExactCount: This request is for a specific number of devices.
          This is the default. The exact number is provided in the
          count field.
        
        - All: This request is for all of the matching devices in a pool.
          At least one device must exist on the node for the allocation to succeed.
          Allocation will fail if some devices are already allocated,
          unless adminAccess is requested.
        
        If AllocationMode is not specified, the default mode is ExactCount. If the
        mode is ExactCount and count is not specified, the default count is one. Any
        other requests must specify this field.
        
        More modes may get added in the future. Clients must refuse to handle
        requests with unknown modes.
        
        Possible enum values:
         - `"All"`
         - `"ExactCount"`
        

    $ kubectl explain apiservices.spec.groupPriorityMinimum
    GROUP:      apiregistration.k8s.io
    KIND:       APIService
    VERSION:    v1

    FIELD: groupPriorityMinimum <integer>


    DESCRIPTION:
        GroupPriorityMinimum is the priority this group should have at least. Higher
        priority means that the group is preferred by clients over lower priority
        ones. Note that other versions of this group might specify even higher
        GroupPriorityMinimum values such that the whole group gets a higher
        priority. The primary sort is based on GroupPriorityMinimum, ordered highest
        number to lowest (20 before 10). The secondary sort is based on the
        alphabetical comparison of the name of the object.  (v1.bar before v1.foo)
        We'd recommend something like: *.k8s.io (except extensions) at 18000 and
        PaaSes (OpenShift, Deis) are recommended to be in the 2000s
        

    $ kubectl explain ip.spec.parentRef --recursive
    GROUP:      networking.k8s.io
    KIND:       IPAddress
    VERSION:    v1

    FIELD: parentRef <ParentReference>


    DESCRIPTION:
        ParentRef references the resource that an IPAddress is attached to. An
        IPAddress must reference a parent object.
        ParentReference describes a reference to a parent object.
        
    FIELDS:
      group	<string>
      name	<string> -required-
      namespace	<string>
      resource	<string> -required-

    $ kubectl explain servicecidrs.spec
    GROUP:      networking.k8s.io
    KIND:       ServiceCIDR
    VERSION:    v1

    FIELD: spec <ServiceCIDRSpec>


    DESCRIPTION:
        spec is the desired state of the ServiceCIDR. More info:
        https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#spec-and-status
        ServiceCIDRSpec define the CIDRs the user wants to use for allocating
        ClusterIPs for Services.
        
    FIELDS:
      cidrs	<[]string>
        CIDRs defines the IP blocks in CIDR notation (e.g. "192.168.0.0/24" or
        "2001:db8::/64") from which to assign service cluster IPs. Max of two CIDRs
        is allowed, one of each IP family. This field is immutable.


    $ kubectl explain crd.spec.versions.subresources.status
    GROUP:      apiextensions.k8s.io
    KIND:       CustomResourceDefinition
    VERSION:    v1

    FIELD: status <CustomResourceSubresourceStatus>


    DESCRIPTION:
        status indicates the custom resource should serve a `/status` subresource.
        When enabled: 1. requests to the custom resource primary endpoint ignore
        changes to the `status` stanza of the object. 2. requests to the custom
        resource `/status` subresource ignore changes to anything other than the
        `status` stanza of the object.
        CustomResourceSubresourceStatus defines how to serve the status subresource
        for CustomResources. Status is represented by the `.status` JSON path inside
        of a CustomResource. When set, * exposes a /status subresource for the
        custom resource * PUT requests to the /status subresource take a custom
        resource object, and ignore changes to anything except the status stanza *
        PUT/POST/PATCH requests to the custom resource ignore changes to the status
        stanza
        

    $ kubectl explain selfsubjectreviews.status
    GROUP:      authentication.k8s.io
    KIND:       SelfSubjectReview
    VERSION:    v1

    FIELD: status <SelfSubjectReviewStatus>


    DESCRIPTION:
        status is filled in by the server with the user attributes.
        SelfSubjectReviewStatus is filled by the kube-apiserver and sent back to a
        user.
        
    FIELDS:
      userInfo	<UserInfo>
        userInfo is a set of attributes belonging to the user making this request.


    $ kubectl explain deviceclass.spec
    GROUP:      resource.k8s.io
    KIND:       DeviceClass
    VERSION:    v1

    FIELD: spec <DeviceClassSpec>


    DESCRIPTION:
        Spec defines what can be allocated and how to configure it.
        
        This is mutable. Consumers have to be prepared for classes changing at any
        time, either because they get updated or replaced. Claim allocations are
        done once based on whatever was set in classes at the time of allocation.
        
        Changing the spec automatically increments the metadata.generation number.
        DeviceClassSpec is used in a [DeviceClass] to define what can be allocated
        and how to configure it.
        
    FIELDS:
      config	<[]DeviceClassConfiguration>
        Config defines configuration parameters that apply to each device that is
        claimed via this class. Some classses may potentially be satisfied by
        multiple drivers, so each instance of a vendor configuration applies to
        exactly one driver.
        
        They are passed to the driver, but are not considered while allocating the
        claim.

      extendedResourceName	<string>
        ExtendedResourceName is the extended resource name for the devices of this
        class. The devices of this class can be used to satisfy a pod's extended
        resource requests. It has the same format as the name of a pod's extended
        resource. It should be unique among all the device classes in a cluster. If
        two device classes have the same name, then the class created later is
        picked to satisfy a pod's extended resource requests. If two classes are
        created at the same time, then the name of the class lexicographically
        sorted first is picked.
        
        This is a beta field.

      selectors	<[]DeviceSelector>
        Each selector must be satisfied by a device which is claimed via this class.
    "#);
}
