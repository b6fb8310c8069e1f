//! `kubectl explain`.

use insta::assert_snapshot;

use super::Session;

#[test]
fn explains_in_both_layouts() {
    assert_snapshot!(Session::new().run(&[
        "kubectl explain pvc.spec.resources",
        "kubectl explain pvc.spec.resources -o plaintext-openapiv2",
        "kubectl explain pvc.spec.resources.limits -o plaintext-openapiv2",
        "kubectl explain pvc.spec.dataSourceRef -R",
        "kubectl explain pvc.spec.dataSourceRef -R -o plaintext-openapiv2",
        "kubectl explain storageclass.reclaimPolicy -o plaintext-openapiv2",
    ]), @r#"
    $ kubectl explain pvc.spec.resources
    KIND:       PersistentVolumeClaim
    VERSION:    v1

    FIELD: resources <VolumeResourceRequirements>


    DESCRIPTION:
        resources represents the minimum resources the volume should have. Users are
        allowed to specify resource requirements that are lower than previous value
        but must still be higher than capacity recorded in the status field of the
        claim. More info:
        https://kubernetes.io/docs/concepts/storage/persistent-volumes#resources
        VolumeResourceRequirements describes the storage resource requirements for a
        volume.
        
    FIELDS:
      limits	<map[string]Quantity>
        Limits describes the maximum amount of compute resources allowed. More info:
        https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/

      requests	<map[string]Quantity>
        Requests describes the minimum amount of compute resources required. If
        Requests is omitted for a container, it defaults to Limits if that is
        explicitly specified, otherwise to an implementation-defined value. Requests
        cannot exceed Limits. More info:
        https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/


    $ kubectl explain pvc.spec.resources -o plaintext-openapiv2
    KIND:     PersistentVolumeClaim
    VERSION:  v1

    RESOURCE: resources <Object>

    DESCRIPTION:
         resources represents the minimum resources the volume should have. Users
         are allowed to specify resource requirements that are lower than previous
         value but must still be higher than capacity recorded in the status field
         of the claim. More info:
         https://kubernetes.io/docs/concepts/storage/persistent-volumes#resources

         VolumeResourceRequirements describes the storage resource requirements for
         a volume.

    FIELDS:
       limits	<map[string]string>
         Limits describes the maximum amount of compute resources allowed. More
         info:
         https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/

       requests	<map[string]string>
         Requests describes the minimum amount of compute resources required. If
         Requests is omitted for a container, it defaults to Limits if that is
         explicitly specified, otherwise to an implementation-defined value.
         Requests cannot exceed Limits. More info:
         https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/

    $ kubectl explain pvc.spec.resources.limits -o plaintext-openapiv2
    KIND:     PersistentVolumeClaim
    VERSION:  v1

    FIELD:    limits <map[string]string>

    DESCRIPTION:
         Limits describes the maximum amount of compute resources allowed. More
         info:
         https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/

         Quantity is a fixed-point representation of a number. It provides
         convenient marshaling/unmarshaling in JSON and YAML, in addition to
         String() and AsInt64() accessors.

         The serialization format is:

         ``` <quantity> ::= <signedNumber><suffix>

         (Note that <suffix> may be empty, from the "" case in <decimalSI>.)

         <digit> ::= 0 | 1 | ... | 9 <digits> ::= <digit> | <digit><digits> <number>
         ::= <digits> | <digits>.<digits> | <digits>. | .<digits> <sign> ::= "+" |
         "-" <signedNumber> ::= <number> | <sign><number> <suffix> ::= <binarySI> |
         <decimalExponent> | <decimalSI> <binarySI> ::= Ki | Mi | Gi | Ti | Pi | Ei

         (International System of units; See:
         http://physics.nist.gov/cuu/Units/binary.html)

         <decimalSI> ::= m | "" | k | M | G | T | P | E

         (Note that 1024 = 1Ki but 1000 = 1k; I didn't choose the capitalization.)

         <decimalExponent> ::= "e" <signedNumber> | "E" <signedNumber> ```

         No matter which of the three exponent forms is used, no quantity may
         represent a number greater than 2^63-1 in magnitude, nor may it have more
         than 3 decimal places. Numbers larger or more precise will be capped or
         rounded up. (E.g.: 0.1m will rounded up to 1m.) This may be extended in the
         future if we require larger or smaller quantities.

         When a Quantity is parsed from a string, it will remember the type of
         suffix it had, and will use the same type again when it is serialized.

         Before serializing, Quantity will be put in "canonical form". This means
         that Exponent/suffix will be adjusted up or down (with a corresponding
         increase or decrease in Mantissa) such that:

         - No precision is lost - No fractional digits will be emitted - The
         exponent (or suffix) is as large as possible.

         The sign will be omitted unless the number is negative.

         Examples:

         - 1.5 will be serialized as "1500m" - 1.5Gi will be serialized as "1536Mi"

         Note that the quantity will NEVER be internally represented by a floating
         point number. That is the whole point of this exercise.

         Non-canonical values will still parse as long as they are well formed, but
         will be re-emitted in their canonical form. (So always use canonical form,
         or don't diff.)

         This format is intended to make it difficult to use these numbers without
         writing some sort of special handling code in the hopes that that will
         cause implementors to also use a fixed point implementation.
    $ kubectl explain pvc.spec.dataSourceRef -R
    KIND:       PersistentVolumeClaim
    VERSION:    v1

    FIELD: dataSourceRef <TypedObjectReference>


    DESCRIPTION:
        dataSourceRef specifies the object from which to populate the volume with
        data, if a non-empty volume is desired. This may be any object from a
        non-empty API group (non core object) or a PersistentVolumeClaim object.
        When this field is specified, volume binding will only succeed if the type
        of the specified object matches some installed volume populator or dynamic
        provisioner. This field will replace the functionality of the dataSource
        field and as such if both fields are non-empty, they must have the same
        value. For backwards compatibility, when namespace isn't specified in
        dataSourceRef, both fields (dataSource and dataSourceRef) will be set to the
        same value automatically if one of them is empty and the other is non-empty.
        When namespace is specified in dataSourceRef, dataSource isn't set to the
        same value and must be empty. There are three important differences between
        dataSource and dataSourceRef: * While dataSource only allows two specific
        types of objects, dataSourceRef
          allows any non-core object, as well as PersistentVolumeClaim objects.
        * While dataSource ignores disallowed values (dropping them), dataSourceRef
          preserves all values, and generates an error if a disallowed value is
          specified.
        * While dataSource only allows local objects, dataSourceRef allows objects
          in any namespaces.
        (Beta) Using this field requires the AnyVolumeDataSource feature gate to be
        enabled. (Alpha) Using the namespace field of dataSourceRef requires the
        CrossNamespaceVolumeDataSource feature gate to be enabled.
        TypedObjectReference contains enough information to let you locate the typed
        referenced object
        
    FIELDS:
      apiGroup	<string>
      kind	<string> -required-
      name	<string> -required-
      namespace	<string>

    $ kubectl explain pvc.spec.dataSourceRef -R -o plaintext-openapiv2
    KIND:     PersistentVolumeClaim
    VERSION:  v1

    RESOURCE: dataSourceRef <Object>

    DESCRIPTION:
         dataSourceRef specifies the object from which to populate the volume with
         data, if a non-empty volume is desired. This may be any object from a
         non-empty API group (non core object) or a PersistentVolumeClaim object.
         When this field is specified, volume binding will only succeed if the type
         of the specified object matches some installed volume populator or dynamic
         provisioner. This field will replace the functionality of the dataSource
         field and as such if both fields are non-empty, they must have the same
         value. For backwards compatibility, when namespace isn't specified in
         dataSourceRef, both fields (dataSource and dataSourceRef) will be set to
         the same value automatically if one of them is empty and the other is
         non-empty. When namespace is specified in dataSourceRef, dataSource isn't
         set to the same value and must be empty. There are three important
         differences between dataSource and dataSourceRef: * While dataSource only
         allows two specific types of objects, dataSourceRef allows any non-core
         object, as well as PersistentVolumeClaim objects.
         * While dataSource ignores disallowed values (dropping them), dataSourceRef
         preserves all values, and generates an error if a disallowed value is
         specified.
         * While dataSource only allows local objects, dataSourceRef allows objects
         in any namespaces. (Beta) Using this field requires the AnyVolumeDataSource
         feature gate to be enabled. (Alpha) Using the namespace field of
         dataSourceRef requires the CrossNamespaceVolumeDataSource feature gate to
         be enabled.

         TypedObjectReference contains enough information to let you locate the
         typed referenced object

    FIELDS:
       apiGroup	<string>
       kind	<string>
       name	<string>
       namespace	<string>
    $ kubectl explain storageclass.reclaimPolicy -o plaintext-openapiv2
    KIND:     StorageClass
    VERSION:  storage.k8s.io/v1

    FIELD:    reclaimPolicy <string>

    DESCRIPTION:
         reclaimPolicy controls the reclaimPolicy for dynamically provisioned
         PersistentVolumes of this storage class. Defaults to Delete.

         Possible enum values:
         - `"Delete"` means the volume will be deleted from Kubernetes on release
         from its claim. The volume plugin must support Deletion.
         - `"Recycle"` means the volume will be recycled back into the pool of
         unbound persistent volumes on release from its claim. The volume plugin
         must support Recycling.
         - `"Retain"` means the volume will be left in its current phase (Released)
         for manual reclamation by the administrator. The default policy is Retain.
    "#);
}

#[test]
fn explains_what_the_server_lists_in_its_versions() {
    assert_snapshot!(Session::new().run(&[
        "kubectl explain csr.spec.signerName",
        "kubectl explain ev.reason --api-version=events.k8s.io/v1",
        "kubectl explain hpa.spec.maxReplicas --api-version=autoscaling/v1",
        "kubectl explain deployments.apps.spec.paused",
        "kubectl explain pods --api-version=apps/v1",
        "kubectl explain pods --api-version=foo/v1",
        "kubectl explain pods --api-version=foo/v1 -o plaintext-openapiv2",
        "kubectl explain pods --api-version=a/b/c",
        "kubectl explain pods.spec.foo",
        "kubectl explain pods.spec.foo -o plaintext-openapiv2",
        "kubectl explain pods[0]",
        "kubectl explain nothing",
        "kubectl explain pods -o yaml",
        "kubectl explain",
        "kubectl explain a b",
    ]), @r#"
    $ kubectl explain csr.spec.signerName
    GROUP:      certificates.k8s.io
    KIND:       CertificateSigningRequest
    VERSION:    v1

    FIELD: signerName <string>


    DESCRIPTION:
        signerName indicates the requested signer, and is a qualified name.
        
        List/watch requests for CertificateSigningRequests can filter on this field
        using a "spec.signerName=NAME" fieldSelector.
        
        Well-known Kubernetes signers are:
         1. "kubernetes.io/kube-apiserver-client": issues client certificates that
        can be used to authenticate to kube-apiserver.
          Requests for this signer are never auto-approved by
        kube-controller-manager, can be issued by the "csrsigning" controller in
        kube-controller-manager.
         2. "kubernetes.io/kube-apiserver-client-kubelet": issues client
        certificates that kubelets use to authenticate to kube-apiserver.
          Requests for this signer can be auto-approved by the "csrapproving"
        controller in kube-controller-manager, and can be issued by the "csrsigning"
        controller in kube-controller-manager.
         3. "kubernetes.io/kubelet-serving" issues serving certificates that
        kubelets use to serve TLS endpoints, which kube-apiserver can connect to
        securely.
          Requests for this signer are never auto-approved by
        kube-controller-manager, and can be issued by the "csrsigning" controller in
        kube-controller-manager.
        
        More details are available at
        https://k8s.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
        
        Custom signerNames can also be specified. The signer defines:
         1. Trust distribution: how trust (CA bundles) are distributed.
         2. Permitted subjects: and behavior when a disallowed subject is requested.
         3. Required, permitted, or forbidden x509 extensions in the request
        (including whether subjectAltNames are allowed, which types, restrictions on
        allowed values) and behavior when a disallowed extension is requested.
         4. Required, permitted, or forbidden key usages / extended key usages.
         5. Expiration/certificate lifetime: whether it is fixed by the signer,
        configurable by the admin.
         6. Whether or not requests for CA certificates are allowed.
        

    $ kubectl explain ev.reason --api-version=events.k8s.io/v1
    Warning: short name "ev" could also match lower priority resource events.events.k8s.io
    GROUP:      events.k8s.io
    KIND:       Event
    VERSION:    v1

    FIELD: reason <string>


    DESCRIPTION:
        reason is why the action was taken. It is human-readable. This field cannot
        be empty for new Events and it can have at most 128 characters.
        

    $ kubectl explain hpa.spec.maxReplicas --api-version=autoscaling/v1
    GROUP:      autoscaling
    KIND:       HorizontalPodAutoscaler
    VERSION:    v1

    FIELD: maxReplicas <integer>


    DESCRIPTION:
        maxReplicas is the upper limit for the number of pods that can be set by the
        autoscaler; cannot be smaller than MinReplicas.
        

    $ kubectl explain deployments.apps.spec.paused
    GROUP:      apps
    KIND:       Deployment
    VERSION:    v1

    FIELD: paused <boolean>


    DESCRIPTION:
        Indicates that the deployment is paused.
        

    $ kubectl explain pods --api-version=apps/v1
    error: GVR (apps/v1, Resource=pods) not found in OpenAPI schema
    [exit 1]
    $ kubectl explain pods --api-version=foo/v1
    error: couldn't find resource for "foo/v1, Resource=pods"
    [exit 1]
    $ kubectl explain pods --api-version=foo/v1 -o plaintext-openapiv2
    error: couldn't find resource for "foo/v1, Kind=Pod"
    [exit 1]
    $ kubectl explain pods --api-version=a/b/c
    error: unexpected GroupVersion string: a/b/c
    [exit 1]
    $ kubectl explain pods.spec.foo
    KIND:       Pod
    VERSION:    v1

    error: field "foo" does not exist
    [exit 1]
    $ kubectl explain pods.spec.foo -o plaintext-openapiv2
    error: field "foo" does not exist
    [exit 1]
    $ kubectl explain pods[0]
    error: invalid jsonpath syntax, first node must be field node
    [exit 1]
    $ kubectl explain nothing
    the server doesn't have a resource type "nothing"
    [exit 1]
    $ kubectl explain pods -o yaml
    error: unrecognized format: yaml
    [exit 1]
    $ kubectl explain
    error: You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of supported resources.
    [exit 1]
    $ kubectl explain a b
    error: We accept only this format: explain RESOURCE
    [exit 1]
    "#);
}
