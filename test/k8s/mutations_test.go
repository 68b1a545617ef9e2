package k8s

// autoscaler is an HPA that scales the voters.
const autoscaler = `
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: rowlock}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: rowlock}
  maxReplicas: 9
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
`

// mutations are replacements of a manifest's first such text, and what the problem must say.
var mutations = []struct{ file, old, new, want string }{
	// Kustomize and strict decoding.
	{"kustomization.yaml", "members.yaml", "member.yaml", "kustomize"},
	{"kustomization.yaml", "images:", "imagez:", "kustomize"},
	{"members.yaml", "serviceName:", "serviceNames:", `unknown field "spec.serviceNames"`},
	{"members.yaml", "failureThreshold: 180", "failureThresholds: 180", "unknown field"},
	{"members.yaml", "replicas: 3", "replicas: three", "cannot unmarshal"},
	{"members.yaml", "apps/v1", "apps/v9", "no kind"},
	{"worker.yaml", "kind: Deployment", "kind: Deploymint", "no kind"},
	// The API server's validation.
	{"members.yaml", "replicas: 3", "replicas: -1", "must be greater than or equal to 0"},
	{"members.yaml", "podManagementPolicy: Parallel", "podManagementPolicy: AllAtOnce", "podManagementPolicy"},
	{"members.yaml", "      app.kubernetes.io/component: member\n  template", "      app.kubernetes.io/component: mumber\n  template", "selector"},
	{"members.yaml", "        - name: raft\n", "        - name: api\n", "Duplicate value"},
	{"members.yaml", "containerPort: 7300", "containerPort: 73000", "must be between 1 and 65535"},
	{"members.yaml", "mountPath: /var/lib/rowlock", "mountPath: ''", "mountPath"},
	{"members.yaml", "            - name: data\n", "            - name: date\n", "volumeMounts[0].name"},
	{"members.yaml", "memory: 2Gi", "memory: 512Mi", "must be less than or equal to memory limit"},
	{"members.yaml", "fieldPath: metadata.name\n", "fieldPath: metadata.nome\n", "fieldPath"},
	{"members.yaml", "whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: Whatever", "whenUnsatisfiable"},
	{"services.yaml", "clusterIP: None", "clusterIP: 1.2.3", "clusterIPs"},
	{"services.yaml", "port: 7301", "port: 7300", "Duplicate value"},
	{"disruption.yaml", "  maxUnavailable: 1\n", "  maxUnavailable: 1\n  minAvailable: 1\n", "cannot be both set"},
	{"disruption.yaml", "AlwaysAllow", "Always", "unhealthyPodEvictionPolicy"},
	{"network.yaml", "port: raft", "port: Raft", "port"},
	{"worker.yaml", "restartPolicy: Always", "restartPolicy: Never", "restartPolicy"},
	{"kustomization.yaml", "namespace: rowlock", "namespace: Row_lock", "metadata.name"},
	// Pod Security.
	{"members.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
	{"members.yaml", "runAsUser: 65532", "runAsUser: 0", "runAsUser=0"},
	{"members.yaml", "type: RuntimeDefault", "type: Unconfined", "seccompProfile"},
	{"members.yaml", "allowPrivilegeEscalation: false", "privileged: true", "privileged"},
	{"members.yaml", "drop: [ALL]", "drop: [NET_RAW]", "unrestricted capabilities"},
	{"members.yaml", "      containers:", "      hostNetwork: true\n      containers:", "host namespaces"},
	{"worker.yaml", "drop: [ALL]", "add: [SYS_ADMIN]", "unrestricted capabilities"},
	{"worker.yaml", "type: RuntimeDefault", "type: Unconfined", "seccompProfile"},
	{"namespace.yaml", "enforce: restricted", "enforce: baseline", "namespace enforces"},
	// How the objects fit one another and the program.
	{"members.yaml", "podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady", "podManagementPolicy"},
	{"members.yaml", "serviceName: rowlock-members", "serviceName: rowlock", "serviceName"},
	{"members.yaml", "replicas: 3", "replicas: 4", "4 members"},
	{"members.yaml", "replicas: 3", "replicas: 5", "--bootstrap-expect"},
	{"members.yaml", "whenScaled: Retain", "whenScaled: Delete", "data is deleted"},
	{"members.yaml", "minReadySeconds: 5", "minReadySeconds: 0", "minReadySeconds"},
	{"members.yaml", "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 3", "terminationGracePeriodSeconds"},
	{"members.yaml", "enableServiceLinks: false", "enableServiceLinks: true", "enableServiceLinks"},
	{"members.yaml", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "token"},
	{"members.yaml", "runAsUser: 65532", "runAsUser: 1000", "image's user"},
	{"members.yaml", "fsGroup: 65532", "fsGroup: 1000", "volume isn't the user's"},
	{"members.yaml", "topologyKey: kubernetes.io/hostname", "topologyKey: kubernetes.io/arch", "spread over nodes"},
	{"members.yaml", "whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: DoNotSchedule", "small cluster"},
	{"members.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "root file system"},
	{"members.yaml", "cpu: 500m", "ephemeral-storage: 1Gi", "lacks requests"},
	{"members.yaml", "--raft-addr=:7301", "--raft-addr=:7311", "--raft-addr"},
	{"members.yaml", "--data-dir=/var/lib/rowlock", "--data-dir=/data", "--data-dir"},
	{"members.yaml", "--join=rowlock-members", "--join=rowlock", "--join"},
	{"members.yaml", "--advertise-host=$(POD_NAME).rowlock-members", "--advertise-host=$(POD_NAME).rowlock", "--advertise-host"},
	{"members.yaml", "--node-id=$(POD_NAME)", "--node-id=rowlock", "--node-id"},
	{"members.yaml", "- name: POD_NAMESPACE", "- name: NAMESPACE", "no variable POD_NAMESPACE"},
	{"members.yaml", "livenessProbe:\n            httpGet:\n              path: /healthz", "livenessProbe:\n            httpGet:\n              path: /readyz", "liveness probe"},
	{"members.yaml", "path: /readyz", "path: /healthz", "readiness probe"},
	{"members.yaml", "port: http\n", "port: api\n", "startup probe"},
	{"members.yaml", "failureThreshold: 180", "failureThreshold: 3", "a start may take"},
	{"services.yaml", "publishNotReadyAddresses: true", "publishNotReadyAddresses: false", "can't find one another"},
	{"services.yaml", "clusterIP: None", "type: ClusterIP", "headless"},
	{"services.yaml", "    app.kubernetes.io/component: member\n  ports", "    app.kubernetes.io/component: worker\n  ports", "doesn't select the members"},
	{"services.yaml", "    app.kubernetes.io/component: member\n  ports", "  ports", "selects the workers"},
	{"services.yaml", "targetPort: raft", "targetPort: rafd", "port 7301 leads to 0"},
	{"services.yaml", "targetPort: raft", "targetPort: http", "port 7301 leads to 7302"},
	{"disruption.yaml", "maxUnavailable: 1", "maxUnavailable: 2", "one member at a time"},
	{"disruption.yaml", "AlwaysAllow", "IfHealthyBudget", "holds up a drain"},
	{"disruption.yaml", "      app.kubernetes.io/component: member\n", "", "isn't the members'"},
	{"disruption.yaml", "apiVersion", autoscaler + "apiVersion", "operator's choice"},
	{"network.yaml", "        - port: raft\n", "        - port: api\n", "shuts port raft"},
	{"network.yaml", "      app.kubernetes.io/component: member\n", "      app.kubernetes.io/component: worker\n", "network policy isn't the members'"},
	{"worker.yaml", "--addr=rowlock.", "--addr=rowlock-api.", "--addr"},
	{"worker.yaml", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 30", "to stop"},
	{"worker.yaml", "- name: POD_NAME\n", "- name: NAME\n", "no variable POD_NAME"},
}
