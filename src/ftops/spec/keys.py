"""What each key of a spec means, in a line: the help that an editor shows. docs/specs.md says more."""

from __future__ import annotations

from collections.abc import Mapping

DIGEST_PIN = "pins one of the job's versions by its 8-character digest, as plan and status print it"

KEYS: Mapping[str, str] = {
    # every document
    "Document.apiVersion": "`ftops/v1alpha1`",
    "Document.kind": "`Project`, `Dataset`, `FineTuningJob` or `Deployment`",
    "Document.metadata": "the name, and what groups documents",
    "Document.spec": "the service's own fields, by the service's own names and casing",
    "Document.lifecycle": "what only ftops understands",
    "Metadata.name": "1 to 63 lower-case letters, digits and dashes; a deployment's is its name in ARM",
    "Metadata.formerly": "a list of earlier names after a rename, so that nothing is made again; on a Project too",
    "Metadata.account": "jobs and deployments: another account than the default",
    "Metadata.labels": "allowed and ignored",
    "Metadata.annotations": "allowed and ignored",
    "Metadata.namespace": "allowed and ignored",
    "JobRef.job": "the name of a job of the project",
    "JobRef.at": DIGEST_PIN,
    "DatasetRef.dataset": "the name of a dataset of the project",
    "EnvRef.env": "an environment variable whose name begins with `AZURE_OPENAI_` or `FTOPS_`",
    # Project
    "ProjectSpec.accounts": "the accounts by name",
    "ProjectSpec.defaultAccount": "needed when there are several accounts",
    "ProjectSpec.policy": "what may happen in this project",
    "AccountSpec.emulator": "the file of an embedded emulator",
    "AccountSpec.endpoint": "the address of an account on the network, such as `https://NAME.openai.azure.com`",
    "AccountSpec.resourceId": "its ARM id; without it deployments cannot be read",
    "AccountSpec.auth": "`entra` (default), or `{apiKeyEnv: NAME}`",
    "AccountSpec.surface": "a preference: `v1` (default), `classic` or `project`",
    "AccountSpec.region": "its region, for prices and the model matrix; default `eastus2`",
    "ApiKeyAuth.apiKeyEnv": "the environment variable that holds the account's key",
    "PolicySpec.idle": "what to do when nobody calls a deployment, and when one is gone",
    "PolicySpec.prune": "what of ours is deleted once no document declares it",
    "PolicySpec.maxDeletes": "the most that one plan may delete; default 3",
    "PolicySpec.budget": "how much money may be spent, at list price",
    "IdleSpec.afterDays": "days without a call after which a deployment is idle; default 10",
    "IdleSpec.onIdle": "`alert` (default): say so; or `retire`: delete it, its model stays",
    "IdleSpec.onGone": "`hold` (default), or `recreate` what was called in its last life",
    "PruneSpec.deployments": "`none` (default) or `orphans`",
    "PruneSpec.keep": "addresses that are never pruned, such as deployment/support-prod",
    "BudgetSpec.trainingUsdPer30Days": "the most that trainings begun within 30 days may cost, in USD",
    "BudgetSpec.hostingUsdPerMonth": "the most that hosting may cost in a month of 730 hours, in USD",
    "PolicySpec.suffixMax": "17 to 64, default 40: the longest job suffix that the account takes. "
    "Sixteen characters of it are the marker",
    # Dataset
    "DatasetSpec.file": "the rows, a JSON Lines file",
    "DatasetSpec.content_url": "instead of a file: `{env: NAME}`, the variable with the URL from which the service "
    "imports the rows, or a literal URL without a signature",
    "DatasetLifecycle.format": "`chat`, `dpo` or `rft`; what its jobs need when absent",
    "DatasetLifecycle.rules": "overrides how much a rule weighs, by its word or id: `{too-few-rows: warning}`",
    "DatasetLifecycle.sha256": "pins the content: the file is then read only to upload, and verified; a `content_url` "
    "needs it",
    # FineTuningJob
    "JobSpec.model": "a dated model id, or `{job: NAME}` to continue from another job",
    "JobSpec.training_file": "`{dataset: NAME}`",
    "JobSpec.validation_file": "`{dataset: NAME}`",
    "JobSpec.method": "`supervised` (the default) or `dpo`, or the wire object, which `reinforcement` needs",
    "JobSpec.hyperparameters": "settings of the training, beside a method that is one word",
    "JobSpec.trainingType": "`Standard`, `GlobalStandard` or `developerTier`, in any spelling the service knows; "
    "always required",
    "JobSpec.seed": "when absent, one is derived from the digest and sent",
    "JobSpec.suffix": "your part of the model's name; default the job's name",
    "MethodObject.type": "the method's name, as in `{type: supervised, supervised: {hyperparameters: …}}`",
    "MethodObject.supervised": "the settings of supervised training",
    "MethodObject.dpo": "the settings of direct preference optimization",
    "MethodObject.reinforcement": "the settings of reinforcement training, with its grader",
    "ReinforcementSettings.grader": "what scores the model's answers: one object; `multi` combines several",
    "ReinforcementSettings.response_format": "what answers have to look like, as a JSON Schema",
    "ReinforcementSettings.hyperparameters": "settings of the training; `auto`, `-1`, null and absence are the same",
    "MethodSettings.hyperparameters": "settings of the training; `auto`, `-1`, null and absence are the same",
    "Hyperparameters.n_epochs": "how often all rows are trained on; `auto`, `-1`, null and absence are the same",
    "Hyperparameters.batch_size": "rows a step; `auto`, `-1`, null and absence are the same",
    "Hyperparameters.learning_rate_multiplier": "of the service's rate; `auto`, `-1`, null and absence are the same",
    "Hyperparameters.prompt_loss_weight": "how much the prompt counts; `auto`, `-1`, null and absence are the same",
    "Hyperparameters.beta": "dpo: how far the model may move from its reference; `auto` and absence are the same",
    "Hyperparameters.l2_multiplier": "dpo: a regulariser; `auto` and absence are the same",
    "Hyperparameters.compute_multiplier": "reinforcement: how much is tried out; `auto` and absence are the same",
    "Hyperparameters.eval_interval": "reinforcement: steps between evaluations; `auto` and absence are the same",
    "Hyperparameters.eval_samples": "reinforcement: samples of an evaluation; `auto` and absence are the same",
    "Hyperparameters.reasoning_effort": "reinforcement: `low`, `medium` or `high` while it tries out",
    "JobLifecycle.onFailure": "`hold` (default), or `{retry: n}`: "
    "so many further attempts after failures with a transient cause",
    "JobLifecycle.onParentChange": "`hold` (default): "
    "a changed parent does not train this job again until you say so; or `retrain`",
    "JobLifecycle.rerun": "any word: the way to train the same thing again",
    "JobLifecycle.allow": "`[model-matrix]`: take a model, method or trainingType that the matrix does not know",
    "JobLifecycle.rules": "overrides how much a rule about the job and its data weighs: `{leaves-region: off}`",
    "JobLifecycle.expectedUsd": "what the training is expected to cost in USD; replaces the estimate of ftops",
    "Retry.retry": "so many further attempts after failures with a transient cause",
    # Deployment
    "DeploymentSpec.sku": "the deployment type and its capacity",
    "DeploymentSpec.model": "`{job: NAME}` (with `at:` if wanted), or the wire object "
    "`{format, name, version}` for a base model",
    "DeploymentSpec.raiPolicyName": "content filter",
    "DeploymentSpec.versionUpgradeOption": "base models only",
    "DeploymentSpec.tags": "tags of your own; `ftops-owner` and `ftops-digest` are written beside them",
    "DeploymentLifecycle.idle": "what to do when nobody calls it, and when it is gone; else the project's policy",
    "DeploymentLifecycle.preventDestroy": "`true`: never deleted by ftops while it is declared",
    "DeploymentIdle.afterDays": "days without a call after which it is idle",
    "DeploymentIdle.onIdle": "`alert`: say so; or `retire`: delete it, its model stays",
    "DeploymentIdle.onGone": "`hold`, or `recreate` what was called in its last life",
    "DeploymentIdle.since": "a date or moment: evidence of former lives before it is ignored",
    "SkuSpec.name": "the deployment type",
    "SkuSpec.capacity": "thousands of tokens per minute",
    "WireModel.format": "the publisher, `OpenAI` for example",
    "WireModel.name": "the base model's name",
    "WireModel.version": "the base model's version, in quotes",
}
"""By the model of the kinds and its field; a field of every document stands under `Document`."""
