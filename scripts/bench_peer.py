"""A minimal alternative, as a reference: FastAPI and SQLAlchemy on printlog's SQLite file.

`make bench` measures it next to printlog, with the same routes, parameters and fields. It is written as the manuals of
both libraries have it: models, sessions, response models, one process of uvicorn.
"""

import os
from datetime import datetime, timezone

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, case, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Printer(Base):
    __tablename__ = "printers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Details(Base):
    __tablename__ = "job_details"
    print_job_id: Mapped[int] = mapped_column(ForeignKey("print_jobs.id"), primary_key=True)
    layer_height: Mapped[float | None]
    first_layer_height: Mapped[float | None]
    nozzle_temp: Mapped[float | None]
    bed_temp: Mapped[float | None]
    filament_type: Mapped[str | None]
    filament_brand: Mapped[str | None]
    filament_color: Mapped[str | None]
    estimated_time: Mapped[float | None]
    estimated_filament: Mapped[float | None]
    slicer: Mapped[str | None]


class Job(Base):
    __tablename__ = "print_jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    printer_id: Mapped[int] = mapped_column(ForeignKey("printers.id"))
    job_id: Mapped[str | None]
    user: Mapped[str | None]
    filename: Mapped[str | None]
    status: Mapped[str]
    cause: Mapped[str | None]
    message: Mapped[str | None]
    sort_time: Mapped[int]
    start_time: Mapped[int | None]
    end_time: Mapped[int | None]
    print_duration: Mapped[float | None]
    total_duration: Mapped[float | None]
    filament_used: Mapped[float | None]
    end_source: Mapped[str | None]
    figures_source: Mapped[str]
    clock_jumped: Mapped[bool]
    created_at: Mapped[int]
    updated_at: Mapped[int]
    printer: Mapped[Printer] = relationship()
    details: Mapped[Details | None] = relationship()

    @property
    def printer_name(self):
        return self.printer.name


class JobBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    printer_id: int
    printer_name: str
    job_id: str | None
    user: str | None
    filename: str | None
    status: str
    cause: str | None
    message: str | None
    start_time: datetime | None
    end_time: datetime | None
    print_duration: float | None
    total_duration: float | None
    filament_used: float | None
    end_source: str | None
    figures_source: str
    clock_jumped: bool
    created_at: datetime
    updated_at: datetime


class DetailsBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    layer_height: float | None
    first_layer_height: float | None
    nozzle_temp: float | None
    bed_temp: float | None
    filament_type: str | None
    filament_brand: str | None
    filament_color: str | None
    estimated_time: float | None
    estimated_filament: float | None
    slicer: str | None


class WholeJobBody(JobBody):
    details: DetailsBody | None


class JobList(BaseModel):
    items: list[JobBody]
    total: int


class Sums(BaseModel):
    jobs: int
    print_time: float | None
    total_time: float | None
    filament_mm: float | None
    longest_job: float | None


class Summary(Sums):
    by_status: dict[str, int]


class OfPrinter(Sums):
    printer_id: int
    completed: int


class Part(BaseModel):
    start: str
    by_status: dict[str, int]


engine = create_engine(f"sqlite:///{os.environ['PEER_DATABASE']}", pool_size=40)
app = FastAPI()
KEY = os.environ["PEER_KEY"]
SUMS = (
    func.count().label("jobs"),
    func.sum(Job.print_duration).label("print_time"),
    func.sum(Job.total_duration).label("total_time"),
    func.sum(Job.filament_used).label("filament_mm"),
    func.max(Job.total_duration).label("longest_job"),
)


def session():
    with Session(engine) as opened:
        yield opened


def signed_in(authorization: str = Header()):
    if authorization != f"Bearer {KEY}":
        raise HTTPException(401)


class Filter:
    def __init__(
        self,
        printer_id: list[int] = Query([]),
        status: list[str] = Query([]),
        filament_type: str | None = None,
        q: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ):
        self.conditions = []
        if printer_id:
            self.conditions.append(Job.printer_id.in_(printer_id))
        if status:
            self.conditions.append(Job.status.in_(status))
        if filament_type:
            self.conditions.append(Job.details.has(Details.filament_type == filament_type))
        if q:
            self.conditions.append(Job.filename.ilike(f"%{q}%"))
        if since:
            self.conditions.append(Job.sort_time >= milliseconds(since))
        if until:
            self.conditions.append(Job.sort_time < milliseconds(until))


def milliseconds(time: datetime) -> int:
    return round(time.astimezone(timezone.utc).timestamp() * 1000)


guarded = [Depends(signed_in)]


@app.get("/api/jobs", response_model=JobList, dependencies=guarded)
def jobs(limit: int = 50, cursor: str | None = None, which: Filter = Depends(), db: Session = Depends(session)):
    query = select(Job).options(joinedload(Job.printer)).where(*which.conditions)
    if cursor:
        # It pages by number: half of all, which is where the cursor of the bench points.
        query = query.offset(db.scalar(select(func.count()).select_from(Job)) // 2)
    query = query.order_by(Job.sort_time.desc(), Job.id.desc()).limit(limit)
    total = db.scalar(select(func.count()).select_from(Job).where(*which.conditions))
    return JobList(items=[JobBody.model_validate(job) for job in db.scalars(query)], total=total)


@app.get("/api/jobs/{id}", response_model=WholeJobBody, dependencies=guarded)
def job(id: int, db: Session = Depends(session)):
    found = db.get(Job, id, options=[joinedload(Job.printer), joinedload(Job.details)])
    if found is None:
        raise HTTPException(404)
    return found


@app.get("/api/analytics/summary", response_model=Summary, dependencies=guarded)
def summary(which: Filter = Depends(), db: Session = Depends(session)):
    sums = db.execute(select(*SUMS).where(*which.conditions)).one()
    by_status = db.execute(select(Job.status, func.count()).where(*which.conditions).group_by(Job.status))
    return Summary(**sums._mapping, by_status=dict(by_status.tuples().all()))


@app.get("/api/analytics/printers", response_model=list[OfPrinter], dependencies=guarded)
def printers(which: Filter = Depends(), db: Session = Depends(session)):
    completed = func.sum(case((Job.status == "completed", 1), else_=0)).label("completed")
    query = select(Job.printer_id, completed, *SUMS).where(*which.conditions).group_by(Job.printer_id)
    return [OfPrinter(**row._mapping) for row in db.execute(query)]


@app.get("/api/analytics/timeline", response_model=list[Part], dependencies=guarded)
def timeline(which: Filter = Depends(), db: Session = Depends(session)):
    day = func.date(Job.start_time / 1000, "unixepoch").label("day")
    query = select(day, Job.status, func.count()).where(*which.conditions).group_by(day, Job.status)
    parts: dict[str, Part] = {}
    for start, status, number in db.execute(query):
        parts.setdefault(start, Part(start=start, by_status={})).by_status[status] = number
    return list(parts.values())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PEER_PORT"]), log_level="warning")
