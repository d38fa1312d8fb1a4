{{/* Annotations by which a changed setting, or Secret, rolls the pods. Takes (list $ VARIABLES). */}}
{{- define "oddswire.podAnnotations" -}}
checksum/settings: {{ index . 1 | sha256sum }}
{{- with (index . 0).Values.secrets.revision }}
oddswire/secrets-revision: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The pod but for its containers. Takes (dict "root" $ "component" NAME "values" VALUES "grace" SECONDS). */}}
{{- define "oddswire.pod" -}}
{{- $ := .root -}}
{{- $component := .component -}}
serviceAccountName: {{ include "oddswire.serviceAccount" (list $ $component) }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .grace }}
{{- with $.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.zoneSpread }}
topologySpreadConstraints:
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: {{ .maxSkew }}
    whenUnsatisfiable: {{ .whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "oddswire.selector" (list $ $component) | nindent 8 }}
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "oddswire.selector" (list $ $component) | nindent 8 }}
{{- end }}
{{- end -}}

{{/* What every container has. */}}
{{- define "oddswire.container" -}}
image: {{ include "oddswire.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Live: this process works, whoever else is away; one whose loop hangs is restarted. Ready: it should be sent
devices, or its successor may be ended. Started: it answers at all. Takes a port's name. */}}
{{- define "oddswire.probes" -}}
startupProbe:
  httpGet: {path: /live, port: {{ . }}}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /live, port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /ready, port: {{ . }}}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* The only place a process may write to, in memory: sockets between a gateway's workers. */}}
{{- define "oddswire.tmp" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- end -}}
