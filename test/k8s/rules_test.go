package k8s

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The user of deploy/Containerfile; TestImage compares.
const imageUser = 65532

// manifests are the objects by kind.
type manifests struct {
	namespaces []*corev1.Namespace
	members    []*appsv1.StatefulSet
	workers    []*appsv1.Deployment
	services   []*corev1.Service
	budgets    []*policyv1.PodDisruptionBudget
	others     []runtime.Object
}

// rules check how the objects fit one another and the program: what Kubernetes itself takes without a word.
func (m *manifests) rules() (wrong problems) {
	if len(m.members) != 1 || len(m.workers) != 1 || len(m.namespaces) != 1 || len(m.budgets) != 1 || len(m.services) != 2 {
		wrong.add("%d sets of members, %d of workers, %d namespaces, %d disruption budgets, %d services",
			len(m.members), len(m.workers), len(m.namespaces), len(m.budgets), len(m.services))
		return wrong
	}
	if level := m.namespaces[0].Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
		wrong.add("the namespace enforces %q", level)
	}
	headless, client := m.servicesByUse(&wrong)
	if headless == nil || client == nil {
		return wrong
	}
	m.memberRules(headless, &wrong)
	m.workerRules(client, &wrong)
	m.budgetRules(&wrong)
	m.otherRules(&wrong)
	return wrong
}

// servicesByUse checks the services against the members' pods.
func (m *manifests) servicesByUse(wrong *problems) (headless, client *corev1.Service) {
	pod := &m.members[0].Spec.Template
	for _, s := range m.services {
		if !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			wrong.add("service %s doesn't select the members", s.Name)
		}
		if labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(m.workers[0].Spec.Template.Labels)) {
			wrong.add("service %s selects the workers", s.Name)
		}
		for _, p := range s.Spec.Ports {
			if number := portNumber(pod.Spec.Containers[0], p.TargetPort); number != p.Port {
				wrong.add("service %s: port %d leads to %d of the container (%s)", s.Name, p.Port, number, p.TargetPort.String())
			}
		}
		if s.Spec.ClusterIP == corev1.ClusterIPNone {
			headless = s
		} else {
			client = s
		}
	}
	if headless == nil || client == nil {
		wrong.add("one service must be headless, the other not")
		return nil, nil
	}
	if !headless.Spec.PublishNotReadyAddresses {
		wrong.add("service %s: members that aren't ready can't find one another", headless.Name)
	}
	if client.Spec.PublishNotReadyAddresses {
		wrong.add("service %s: clients are sent to members that aren't ready", client.Name)
	}
	return headless, client
}

// portNumber is the number of a container's port; 0: it has none of that name.
func portNumber(c corev1.Container, target intstr.IntOrString) int32 {
	for _, p := range c.Ports {
		if p.Name == target.StrVal || p.ContainerPort == target.IntVal {
			return p.ContainerPort
		}
	}
	return 0
}

func (m *manifests) memberRules(headless *corev1.Service, wrong *problems) {
	set := m.members[0]
	pod := &set.Spec.Template.Spec
	if set.Spec.ServiceName != headless.Name {
		wrong.add("serviceName is %s, the headless service %s", set.Spec.ServiceName, headless.Name)
	}
	if set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		wrong.add("podManagementPolicy: members that are started one by one never get a majority")
	}
	if n := *set.Spec.Replicas; n%2 == 0 || n < 3 {
		wrong.add("%d members", n)
	}
	if kept := set.Spec.PersistentVolumeClaimRetentionPolicy; kept.WhenDeleted != appsv1.RetainPersistentVolumeClaimRetentionPolicyType ||
		kept.WhenScaled != appsv1.RetainPersistentVolumeClaimRetentionPolicyType {
		wrong.add("the data is deleted with the set")
	}
	podRules(set.Name, &set.Spec.Template, wrong)
	if pod.SecurityContext.FSGroup == nil || *pod.SecurityContext.FSGroup != imageUser {
		wrong.add("%s: the volume isn't the user's", set.Name)
	}
	if set.Spec.MinReadySeconds < 1 || *pod.TerminationGracePeriodSeconds < 20 {
		wrong.add("%s: minReadySeconds %d, terminationGracePeriodSeconds %d", set.Name, set.Spec.MinReadySeconds, *pod.TerminationGracePeriodSeconds)
	}
	c := pod.Containers[0]
	probeRules(c, wrong)

	flags := flagsOf(c)
	ports := map[string]string{"--api-addr": "api", "--raft-addr": "raft", "--http-addr": "http"}
	for flag, name := range ports {
		if want := fmt.Sprintf(":%d", portNumber(c, intstr.FromString(name))); flags[flag] != want {
			wrong.add("%s is %s, port %s %s", flag, flags[flag], name, want)
		}
	}
	under := headless.Name + ".$(POD_NAMESPACE).svc"
	for flag, want := range map[string]string{
		"--node-id": "$(POD_NAME)", "--advertise-host": "$(POD_NAME)." + under, "--join": under,
		"--bootstrap-expect": strconv.Itoa(int(*set.Spec.Replicas)),
	} {
		if flags[flag] != want {
			wrong.add("%s is %q, want %q", flag, flags[flag], want)
		}
	}
	claims := set.Spec.VolumeClaimTemplates
	if len(claims) != 1 || len(c.VolumeMounts) != 1 || c.VolumeMounts[0].Name != claims[0].Name || c.VolumeMounts[0].MountPath != flags["--data-dir"] {
		wrong.add("--data-dir %s isn't on the claimed volume", flags["--data-dir"])
	}
}

func probeRules(c corev1.Container, wrong *problems) {
	for name, p := range map[string]struct {
		probe *corev1.Probe
		path  string
	}{"startup": {c.StartupProbe, "/healthz"}, "liveness": {c.LivenessProbe, "/healthz"}, "readiness": {c.ReadinessProbe, "/readyz"}} {
		if p.probe == nil || p.probe.HTTPGet == nil {
			wrong.add("no %s probe over HTTP", name)
			continue
		}
		if get := p.probe.HTTPGet; get.Path != p.path || portNumber(c, get.Port) != 7302 {
			wrong.add("the %s probe asks %s of port %s", name, get.Path, get.Port.String())
		}
	}
	if s := c.StartupProbe; s != nil && s.PeriodSeconds*s.FailureThreshold < 600 {
		wrong.add("a start may take only %d s", s.PeriodSeconds*s.FailureThreshold)
	}
}

func (m *manifests) workerRules(client *corev1.Service, wrong *problems) {
	d := m.workers[0]
	podRules(d.Name, &d.Spec.Template, wrong)
	flags := flagsOf(d.Spec.Template.Spec.Containers[0])
	if want := client.Name + ".$(POD_NAMESPACE).svc:7300"; flags["--addr"] != want || !hasPort(client, 7300) {
		wrong.add("--addr is %s, the service's %s", flags["--addr"], want)
	}
	grace, err := time.ParseDuration(flags["--grace-period"])
	if stop := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second; err != nil || stop < grace+10*time.Second {
		wrong.add("%s: %s to stop, with tasks that may go on for %s (%v)", d.Name, stop, grace, err)
	}
}

func hasPort(s *corev1.Service, number int32) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == number })
}

// podRules hold for every pod.
func podRules(owner string, template *corev1.PodTemplateSpec, wrong *problems) {
	pod := &template.Spec
	if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
		wrong.add("%s: enableServiceLinks sets ROWLOCK_… variables, which are settings", owner)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		wrong.add("%s: the pod gets a token for the API server", owner)
	}
	if u := pod.SecurityContext.RunAsUser; u == nil || *u != imageUser {
		wrong.add("%s: it doesn't run as the image's user", owner)
	}
	spread := false
	for _, c := range pod.TopologySpreadConstraints {
		s, err := metav1.LabelSelectorAsSelector(c.LabelSelector)
		if err != nil || !s.Matches(labels.Set(template.Labels)) {
			wrong.add("%s: topology spread over %s selects other pods", owner, c.TopologyKey)
		}
		if c.WhenUnsatisfiable != corev1.ScheduleAnyway {
			wrong.add("%s: a small cluster has no place for the pods", owner)
		}
		spread = spread || c.TopologyKey == corev1.LabelHostname
	}
	if !spread {
		wrong.add("%s: the pods aren't spread over nodes", owner)
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			wrong.add("%s: container %s can write its root file system", owner, c.Name)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
			wrong.add("%s: container %s lacks requests, or a limit of memory", owner, c.Name)
		}
		for _, name := range undefined(c) {
			wrong.add("%s: container %s has no variable %s", owner, c.Name, name)
		}
	}
}

var reference = regexp.MustCompile(`\$\(([A-Z_]+)\)`)

// undefined are the variables that the arguments name and the container doesn't have.
func undefined(c corev1.Container) (names []string) {
	for _, arg := range c.Args {
		for _, match := range reference.FindAllStringSubmatch(arg, -1) {
			if !slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == match[1] }) {
				names = append(names, match[1])
			}
		}
	}
	return names
}

// flagsOf are the flags of a container that runs the program: each is one argument, --flag=value.
func flagsOf(c corev1.Container) map[string]string {
	flags := map[string]string{}
	for _, arg := range c.Args {
		if name, value, ok := strings.Cut(arg, "="); ok {
			flags[name] = value
		}
	}
	return flags
}

func (m *manifests) budgetRules(wrong *problems) {
	b := m.budgets[0]
	s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	if err != nil || !s.Matches(labels.Set(m.members[0].Spec.Template.Labels)) || s.Matches(labels.Set(m.workers[0].Spec.Template.Labels)) {
		wrong.add("the disruption budget isn't the members'")
	}
	if b.Spec.MaxUnavailable == nil || *b.Spec.MaxUnavailable != intstr.FromInt32(1) {
		wrong.add("the disruption budget doesn't take one member at a time")
	}
	if p := b.Spec.UnhealthyPodEvictionPolicy; p == nil || *p != policyv1.AlwaysAllow {
		wrong.add("a member that isn't ready holds up a drain")
	}
}

func (m *manifests) otherRules(wrong *problems) {
	member := &m.members[0].Spec.Template
	for _, o := range m.others {
		switch o := o.(type) {
		case *autoscalingv2.HorizontalPodAutoscaler:
			if o.Spec.ScaleTargetRef.Kind == "StatefulSet" {
				wrong.add("%s: members are voters, their number is an operator's choice", o.Name)
			}
		case *networkingv1.NetworkPolicy:
			s, err := metav1.LabelSelectorAsSelector(&o.Spec.PodSelector)
			if err != nil || !s.Matches(labels.Set(member.Labels)) {
				wrong.add("the network policy isn't the members'")
			}
			open := map[string]bool{}
			for _, rule := range o.Spec.Ingress {
				for _, p := range rule.Ports {
					open[p.Port.StrVal] = true
				}
			}
			for _, p := range member.Spec.Containers[0].Ports {
				if !open[p.Name] {
					wrong.add("the network policy shuts port %s", p.Name)
				}
			}
		default:
			wrong.add("nothing checks a %T", o)
		}
	}
}
