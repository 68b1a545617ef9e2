package k8s

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install" // the kinds that the manifests may have
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	autoscalingvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	podsecurity "k8s.io/pod-security-admission/api"
	podsecuritypolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// problems are what is wrong with the manifests, a line each.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// build returns the objects that kustomize makes of the files, with the API server's defaults.
func build(files map[string]string) (objects []runtime.Object, wrong problems) {
	disk := filesys.MakeFsInMemory()
	for name, text := range files {
		if err := disk.WriteFile("/"+name, []byte(text)); err != nil {
			wrong.add("%s: %v", name, err)
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/")
	if err != nil {
		wrong.add("kustomize: %v", err)
		return nil, wrong
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, legacyscheme.Scheme, legacyscheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			wrong.add("%s: %v", r.CurId(), err)
			continue
		}
		object, _, err := strict.Decode(text, nil, nil)
		if err != nil {
			wrong.add("%s: %v", r.CurId(), err)
			continue
		}
		legacyscheme.Scheme.Default(object)
		objects = append(objects, object)
	}
	return objects, wrong
}

// validate is what the API server checks when an object is created.
func validate(object runtime.Object) (wrong problems) {
	internal, err := legacyscheme.Scheme.ConvertToVersion(object.DeepCopyObject(), runtime.InternalGroupVersioner)
	if err != nil {
		wrong.add("%T: %v", object, err)
		return wrong
	}
	var errs field.ErrorList
	switch o := internal.(type) {
	case *core.Namespace:
		errs = corevalidation.ValidateNamespace(o)
	case *core.Service:
		if o.Spec.ClusterIP != "" { // as the server does before it validates
			o.Spec.ClusterIPs = []string{o.Spec.ClusterIP}
		}
		errs = corevalidation.ValidateServiceCreate(o)
	case *apps.StatefulSet:
		errs = appsvalidation.ValidateStatefulSet(o, podutil.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil))
	case *apps.Deployment:
		errs = appsvalidation.ValidateDeployment(o, podutil.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil))
	case *policy.PodDisruptionBudget:
		errs = policyvalidation.ValidatePodDisruptionBudget(o, policyvalidation.PodDisruptionBudgetValidationOptions{})
	case *networking.NetworkPolicy:
		errs = networkingvalidation.ValidateNetworkPolicy(o, networkingvalidation.NetworkPolicyValidationOptions{})
	case *autoscaling.HorizontalPodAutoscaler:
		errs = autoscalingvalidation.ValidateHorizontalPodAutoscaler(o, autoscalingvalidation.HorizontalPodAutoscalerSpecValidationOptions{})
	default:
		wrong.add("nothing validates a %T", o)
	}
	for _, err := range errs {
		wrong.add("%T: %v", object, err)
	}
	return wrong
}

// restricted judges a pod by the strictest Pod Security Standard.
func restricted(owner string, template *corev1.PodTemplateSpec) (wrong problems) {
	evaluator, err := podsecuritypolicy.NewEvaluator(podsecuritypolicy.DefaultChecks())
	if err != nil {
		wrong.add("pod security: %v", err)
		return wrong
	}
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	result := podsecuritypolicy.AggregateCheckResults(evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
	if !result.Allowed {
		wrong.add("%s: pod security: %s: %s", owner, result.ForbiddenReason(), result.ForbiddenDetail())
	}
	return wrong
}

// check returns all that is wrong with the manifests, given as files of one directory.
func check(files map[string]string) (*manifests, problems) {
	objects, wrong := build(files)
	m := &manifests{}
	for _, o := range objects {
		wrong = append(wrong, validate(o)...)
		switch o := o.(type) {
		case *corev1.Namespace:
			m.namespaces = append(m.namespaces, o)
		case *corev1.Service:
			m.services = append(m.services, o)
		case *appsv1.StatefulSet:
			m.members = append(m.members, o)
			wrong = append(wrong, restricted(o.Name, &o.Spec.Template)...)
		case *appsv1.Deployment:
			m.workers = append(m.workers, o)
			wrong = append(wrong, restricted(o.Name, &o.Spec.Template)...)
		case *policyv1.PodDisruptionBudget:
			m.budgets = append(m.budgets, o)
		default:
			m.others = append(m.others, o)
		}
	}
	if len(wrong) == 0 { // else the rules would stumble over what isn't there
		wrong = m.rules()
	}
	return m, wrong
}

func (p problems) String() string { return strings.Join(p, "\n") }
