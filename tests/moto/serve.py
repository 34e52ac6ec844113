"""Serves AWS on a free port until its standard input ends.

The first line of what it says is JSON: where it is, the keys of a user and of a role who may invoke functions and send
messages, and those of a user who may not. `hooks` is a function in two regions, with an alias `prod`. Functions do not run:
what an invocation returns is what was sent to it, or what /moto-api/static/lambda-simple/response was told. Signatures and
policies are checked from then on.

Each line of its input is the URL of a queue. It says the messages there, and deletes them.
"""

import io
import json
import logging
import sys
import urllib.request
import zipfile

import boto3
from moto.server import ThreadedMotoServer

REGIONS = ("eu-central-1", "eu-west-1")


# The name of the permission in AWS, and the one in moto.
INVOKE = ["lambda:InvokeFunction", "lambda:Invoke", "sqs:SendMessage"]

# The limit of SQS before it was raised to 1 MiB.
QUEUES = {
    "webhooks": {"MaximumMessageSize": "262144"},
    "lanes.fifo": {"FifoQueue": "true"},
    "repeats.fifo": {"FifoQueue": "true"},
}


def policy(principal=None, action=INVOKE):
    statement = {"Effect": "Allow", "Action": action}
    statement |= {"Principal": principal} if principal else {"Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def configure(url, path, body):
    # As text: the server would consume a form before moto sees it.
    request = urllib.request.Request(f"{url}/moto-api/{path}", data=body.encode(), headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request).close()


def keys(made):
    token = {"session_token": made["SessionToken"]} if "SessionToken" in made else {}
    return {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"], **token}


def take(queue, url):
    found = []
    while True:
        names = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], "WaitTimeSeconds": 0}
        messages = queue.receive_message(QueueUrl=url, **names).get("Messages", [])
        if not messages:
            return found
        for message in messages:
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found += [{"body": message["Body"], **message["Attributes"]} for message in messages]


def main():
    logging.getLogger("werkzeug").disabled = True
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    configure(url, "config", json.dumps({"lambda": {"use_docker": False}}))

    def client(service, region=REGIONS[0], keys=None):
        keys = keys or {"access_key_id": "nobody", "secret_access_key": "nobody"}
        names = {f"aws_{name}": value for name, value in keys.items()}
        return boto3.client(service, region_name=region, endpoint_url=url, **names)

    iam, sts = client("iam"), client("sts")
    account = sts.get_caller_identity()["Account"]
    iam.create_role(RoleName="hooks", AssumeRolePolicyDocument=policy({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole"))
    iam.put_role_policy(RoleName="hooks", PolicyName="invokes", PolicyDocument=policy())
    role = f"arn:aws:iam::{account}:role/hooks"
    for user in ("allowed", "denied", "worker"):
        iam.create_user(UserName=user)
    iam.put_user_policy(UserName="allowed", PolicyName="invokes", PolicyDocument=policy())
    iam.put_user_policy(UserName="worker", PolicyName="works", PolicyDocument=policy(action="sqs:*"))
    queues = client("sqs")
    for name, attributes in QUEUES.items():
        queues.create_queue(QueueName=name, Attributes=attributes)

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("hooks.py", "")
    for region in REGIONS:
        functions = client("lambda", region)
        code = {"ZipFile": packed.getvalue()}
        functions.create_function(
            FunctionName="hooks", Runtime="python3.13", Role=role, Handler="hooks.handle", Code=code, Publish=True
        )
        functions.create_alias(FunctionName="hooks", Name="prod", FunctionVersion="1")

    made = {user: keys(iam.create_access_key(UserName=user)["AccessKey"]) for user in ("allowed", "denied", "worker")}
    worker = client("sqs", keys=made.pop("worker"))
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="hooks")["Credentials"]
    configure(url, "reset-auth", "0")
    print(json.dumps({"url": url, "account": account, "role": keys(assumed), **made}), flush=True)
    for line in sys.stdin:
        print(json.dumps(take(worker, line.strip())), flush=True)
    server.stop()


if __name__ == "__main__":
    main()
