"""A bulk query job as an org describes it, and the pages of its result."""

from lht.salesforce.bulk_query import QueryJob

ID = "7505g0000002ctXAAQ"
JOB = f"jobs/query/{ID}"


def job_body(state="UploadComplete", **more):
    return {
        "id": ID,
        "operation": "queryAll",
        "object": "Account",
        "createdDate": "2026-11-21T08:00:00.000+0000",
        "state": state,
        "apiVersion": 62.0,
        **more,
    }


def job(state="JobComplete", rows=0, version="62.0"):
    return QueryJob(
        id=ID,
        state=state,
        api_version=version,
        sobject="Account",
        created_at="2026-11-21T08:00:00.000+0000",
        rows_processed=rows,
    )


def refusal(org, status, code, message=""):
    return org.Reply([{"errorCode": code, "message": message}], status)


class Pages:
    """The result of a job: so many rows on each page, listed and chained."""

    def __init__(self, org, sizes, **reply):
        self.org = org
        self.sizes = sizes
        self.bodies = [
            b'"Id"\n' + b"".join(b'"%d-%d"\n' % (p, r) for r in range(n))
            for p, n in enumerate(sizes)
        ]
        self.listed = [f"page{p}" for p in range(len(sizes))]
        for number, name in enumerate(self.listed):
            org.on("GET", f"{JOB}/{name}", self.reply(number, **reply))
        self.list()

    def reply(self, number, **more):
        headers = {"Sforce-NumberOfRecords": str(self.sizes[number])}
        headers |= more.pop("headers", {})
        return self.org.Reply(
            self.bodies[number], headers=headers, **{"gzipped": True, **more}
        )

    def list(self, at_once=5):
        """Offer the pages in lists of a few, as ``resultPages`` does."""
        path = f"{self.org.api}{JOB}/resultPages"
        groups = [
            self.listed[i : i + at_once] for i in range(0, len(self.listed), at_once)
        ] or [[]]
        for number, group in enumerate(groups):
            urls = [{"resultUrl": f"{self.org.api}{JOB}/{name}"} for name in group]
            following = f"{self.org.api}{JOB}/resultpages{number + 1}"
            last = number == len(groups) - 1
            body = {"resultPages": urls, "done": last}
            self.org.on(
                "GET", path, body | ({} if last else {"nextRecordsUrl": following})
            )
            path = following

    def chain(self):
        """Offer the pages by locators only."""
        last = len(self.sizes) - 1
        replies = [
            self.reply(n, headers={"Sforce-Locator": "null" if n == last else f"L{n}"})
            for n in range(len(self.sizes))
        ]
        self.org.on("GET", f"{JOB}/results", *replies)

    def only_chain(self):
        """Offer the pages one after the other and no list of them."""
        self.chain()
        refused = refusal(self.org, 404, "NOT_FOUND")
        self.org.on("GET", f"{JOB}/resultPages", refused)

    @property
    def job(self):
        return job(rows=sum(self.sizes))


def bodies(pages):
    return sorted(p.body for p in pages)
