"""Tables in the form of well-known public ones: their headers and ways of writing, with drawn rows."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

ROWS = 400
Columns = dict[str, Sequence[Any]]


class Draw:
    """Seeded columns of a given length."""

    def __init__(self, seed: int, rows: int = ROWS) -> None:
        self.rows, self.rng = rows, np.random.default_rng(seed)

    def whole(self, low: int, high: int) -> list[int]:
        """Draw whole numbers."""
        return [int(x) for x in self.rng.integers(low, high + 1, self.rows)]

    def real(self, low: float, high: float, digits: int = 2) -> list[float]:
        """Draw numbers with decimals."""
        return [round(float(x), digits) for x in self.rng.uniform(low, high, self.rows)]

    def skewed(self, middle: float, spread: float = 1.0, digits: int = 2) -> list[float]:
        """Draw numbers of which a few are large."""
        return [round(float(x), digits) for x in middle * np.exp(spread * self.rng.standard_normal(self.rows))]

    def few(self, mean: float) -> list[int]:
        """Draw small counts."""
        return [int(x) for x in self.rng.poisson(mean, self.rows)]

    def pick(self, *values: Any, p: Sequence[float] | None = None) -> list[Any]:
        """Draw some of the values."""
        return [values[int(i)] for i in self.rng.choice(len(values), self.rows, p=p)]

    def days(self, first: str, last: str, form: str = "%Y-%m-%d") -> list[str]:
        """Draw dates, written in a form."""
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        return [
            (start + timedelta(int(x))).strftime(form) for x in self.rng.integers(0, (end - start).days + 1, self.rows)
        ]


def to_csv(columns: Columns, delimiter: str = ",", above: str = "") -> str:
    """Write columns as delimited text."""
    file = io.StringIO()
    file.write(above)
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue()


def make_telco() -> str:
    """Return telephone customers with churn."""
    d = Draw(1)

    def yes() -> list[str]:
        return d.pick("Yes", "No")

    def net() -> list[str]:
        return d.pick("Yes", "No", "No internet service")

    tenure, monthly = d.whole(0, 72), d.real(18, 119)
    total = [f"{t * m:.2f}" if t else " " for t, m in zip(tenure, monthly, strict=True)]
    ids = [f"{1000 + 17 * i}-{''.join(d.rng.choice(list('ABCDEFGHKLMNPQ'), 5))}" for i in range(ROWS)]
    return to_csv({
        "customerID": ids, "gender": d.pick("Female", "Male"), "SeniorCitizen": d.pick(0, 1, p=[0.84, 0.16]), "Partner": yes(),
        "Dependents": yes(), "tenure": tenure, "PhoneService": yes(), "MultipleLines": d.pick("No phone service", "No", "Yes"),
        "InternetService": d.pick("DSL", "Fiber optic", "No"), "OnlineSecurity": net(), "OnlineBackup": net(), "DeviceProtection": net(),
        "TechSupport": net(), "StreamingTV": net(), "StreamingMovies": net(),
        "Contract": d.pick("Month-to-month", "One year", "Two year"), "PaperlessBilling": yes(),
        "PaymentMethod": d.pick("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
        "MonthlyCharges": monthly, "TotalCharges": total, "Churn": yes(),
    })  # fmt: skip


def make_mall() -> str:
    """Return customers of a mall."""
    d = Draw(2, 200)
    return to_csv({
        "CustomerID": [f"{i:04d}" for i in range(1, 201)], "Gender": d.pick("Male", "Female"), "Age": d.whole(18, 70),
        "Annual Income (k$)": d.whole(15, 137), "Spending Score (1-100)": d.whole(1, 99),
    })  # fmt: skip


def make_bank() -> str:
    """Return a bank's marketing calls, with semicolons."""
    d = Draw(3)
    known = [d.pick("yes", "no", "unknown", p=[0.4, 0.5, 0.1]) for _ in range(3)]
    pdays = d.pick(999, 3, 6, 4, 7, 10, 12, p=[0.94, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01])
    rate = d.pick(1.1, 1.4, -0.1, -1.8)
    return to_csv({
        "age": d.whole(18, 88), "job": d.pick("admin.", "blue-collar", "technician", "services", "management", "retired", "unknown"),
        "marital": d.pick("married", "single", "divorced", "unknown"),
        "education": d.pick("university.degree", "high.school", "basic.9y", "professional.course", "basic.4y", "illiterate", "unknown"),
        "default": known[0], "housing": known[1], "loan": known[2], "contact": d.pick("cellular", "telephone"),
        "month": d.pick("may", "jul", "aug", "jun", "nov", "apr"), "day_of_week": d.pick("mon", "tue", "wed", "thu", "fri"),
        "duration": [int(x) for x in d.skewed(180, 0.9)], "campaign": [1 + x for x in d.few(1.5)], "pdays": pdays,
        "previous": d.pick(0, 1, 2, p=[0.86, 0.11, 0.03]), "poutcome": d.pick("nonexistent", "failure", "success", p=[0.86, 0.1, 0.04]),
        "emp.var.rate": rate, "cons.price.idx": d.real(92, 94.8, 3), "cons.conf.idx": d.real(-50, -26, 1),
        "euribor3m": [round(3 + 1.2 * r + x, 3) for r, x in zip(rate, d.real(0, 0.1), strict=True)],
        "nr.employed": d.pick(5191.0, 5228.1, 5099.1, 5008.7), "y": d.pick("no", "yes", p=[0.89, 0.11]),
    }, ";")  # fmt: skip


def make_employees() -> str:
    """Return employees with attrition."""
    d = Draw(4)
    years = d.few(7)
    return to_csv({
        "Age": d.whole(18, 60), "Attrition": d.pick("Yes", "No", p=[0.16, 0.84]),
        "BusinessTravel": d.pick("Travel_Rarely", "Travel_Frequently", "Non-Travel"), "DailyRate": d.whole(102, 1499),
        "Department": d.pick("Sales", "Research & Development", "Human Resources"), "DistanceFromHome": d.whole(1, 29),
        "Education": d.whole(1, 5), "EducationField": d.pick("Life Sciences", "Medical", "Marketing", "Other"),
        "EmployeeCount": [1] * ROWS, "EmployeeNumber": [3 * i + i % 3 + 1 for i in range(ROWS)], "EnvironmentSatisfaction": d.whole(1, 4),
        "Gender": d.pick("Male", "Female"), "HourlyRate": d.whole(30, 100), "JobInvolvement": d.whole(1, 4), "JobLevel": d.whole(1, 5),
        "JobRole": d.pick("Sales Executive", "Research Scientist", "Manager"), "JobSatisfaction": d.whole(1, 4),
        "MaritalStatus": d.pick("Single", "Married", "Divorced"), "MonthlyIncome": [int(x) for x in d.skewed(5000, 0.6)],
        "MonthlyRate": d.whole(2094, 26999), "NumCompaniesWorked": d.whole(0, 9), "Over18": ["Y"] * ROWS, "OverTime": d.pick("Yes", "No"),
        "PercentSalaryHike": d.whole(11, 25), "PerformanceRating": d.pick(3, 4, p=[0.85, 0.15]), "RelationshipSatisfaction": d.whole(1, 4),
        "StandardHours": [80] * ROWS, "StockOptionLevel": d.whole(0, 3), "TotalWorkingYears": [y + x for y, x in zip(years, d.few(4), strict=True)],
        "TrainingTimesLastYear": d.whole(0, 6), "WorkLifeBalance": d.whole(1, 4), "YearsAtCompany": years,
        "YearsInCurrentRole": [y // 2 for y in years], "YearsSinceLastPromotion": d.few(2), "YearsWithCurrManager": d.few(4),
    })  # fmt: skip


def make_shoppers() -> str:
    """Return sessions of an online shop."""
    d = Draw(5)
    pages = [int(x) for x in d.skewed(20, 0.9)]
    bounce = d.real(0, 0.2, 6)
    return to_csv({
        "Administrative": d.few(2), "Administrative_Duration": d.skewed(50, 1.2), "Informational": d.few(0.5),
        "Informational_Duration": d.pick(0.0, 34.5, 120.1, 600.3, p=[0.8, 0.1, 0.05, 0.05]), "ProductRelated": pages,
        "ProductRelated_Duration": [round(p * x, 2) for p, x in zip(pages, d.real(20, 60), strict=True)], "BounceRates": bounce,
        "ExitRates": [round(b + x, 6) for b, x in zip(bounce, d.real(0, 0.02, 6), strict=True)],
        "PageValues": [x if y else 0.0 for x, y in zip(d.skewed(15, 0.9, 5), d.pick(0, 1, p=[0.7, 0.3]), strict=True)],
        "SpecialDay": d.pick(0.0, 0.4, 0.6, 0.8, p=[0.88, 0.04, 0.04, 0.04]), "Month": d.pick("Feb", "Mar", "May", "June", "Nov", "Dec"),
        "OperatingSystems": d.whole(1, 8), "Browser": d.whole(1, 13), "Region": d.whole(1, 9), "TrafficType": d.whole(1, 20),
        "VisitorType": d.pick("Returning_Visitor", "New_Visitor", "Other"), "Weekend": d.pick("FALSE", "TRUE"), "Revenue": d.pick("FALSE", "TRUE"),
    })  # fmt: skip


def make_wholesale() -> str:
    """Return customers of a wholesaler."""
    d = Draw(6)
    fresh, milk, grocery, frozen, paper, other = (
        [int(x) for x in d.skewed(middle, 1.2)] for middle in (8000, 3600, 4700, 1500, 800, 900)
    )
    return to_csv({
        "Channel": d.whole(1, 2), "Region": d.whole(1, 3), "Fresh": fresh, "Milk": milk, "Grocery": grocery,
        "Frozen": frozen, "Detergents_Paper": paper, "Delicassen": other,
    })  # fmt: skip


def make_credit_default() -> str:
    """Return credit cards in Taiwan."""
    d = Draw(7)
    limit = [10_000 * x for x in d.whole(1, 50)]
    bills = {
        f"BILL_AMT{i}": [int(0.1 * x) + y for x, y in zip(limit, d.whole(-1000, 150_000), strict=True)]
        for i in range(1, 7)
    }
    return to_csv({
        "ID": list(range(1, ROWS + 1)), "LIMIT_BAL": limit, "SEX": d.whole(1, 2), "EDUCATION": d.whole(1, 4), "MARRIAGE": d.whole(1, 3),
        "AGE": d.whole(21, 70), **{f"PAY_{i}": d.whole(-2, 4) for i in (0, 2, 3, 4, 5, 6)}, **bills,
        **{f"PAY_AMT{i}": [int(x) for x in d.skewed(2000, 1.2)] for i in range(1, 7)},
        "default.payment.next.month": d.pick(0, 1, p=[0.78, 0.22]),
    })  # fmt: skip


def make_bank_churners() -> str:
    """Return credit card customers with bands of income."""
    d = Draw(8)
    limit = d.skewed(4500, 0.8, 1)
    nb = d.real(0.00002, 0.0005, 8)
    model = "Naive_Bayes_Classifier_Attrition_Flag_Card_Category_Contacts_Count_12_mon_Dependent_count_Education_Level_Months_Inactive_12_mon_"
    return to_csv({
        "CLIENTNUM": [708082083 + 1311 * i for i in range(ROWS)], "Attrition_Flag": d.pick("Existing Customer", "Attrited Customer"),
        "Customer_Age": d.whole(26, 73), "Gender": d.pick("M", "F"), "Dependent_count": d.whole(0, 5),
        "Education_Level": d.pick("High School", "Graduate", "Uneducated", "College", "Post-Graduate", "Doctorate", "Unknown"),
        "Marital_Status": d.pick("Married", "Single", "Divorced", "Unknown"),
        "Income_Category": d.pick("Less than $40K", "$40K - $60K", "$60K - $80K", "$80K - $120K", "$120K +", "Unknown"),
        "Card_Category": d.pick("Blue", "Silver", "Gold", "Platinum", p=[0.9, 0.06, 0.03, 0.01]), "Months_on_book": d.whole(13, 56),
        "Total_Relationship_Count": d.whole(1, 6), "Months_Inactive_12_mon": d.whole(0, 6), "Contacts_Count_12_mon": d.whole(0, 6),
        "Credit_Limit": limit, "Total_Revolving_Bal": d.whole(0, 2517), "Avg_Open_To_Buy": [round(x - 80, 1) for x in limit],
        "Total_Amt_Chng_Q4_Q1": d.real(0.2, 1.5, 3), "Total_Trans_Amt": [int(x) for x in d.skewed(4000, 0.6)], "Total_Trans_Ct": d.whole(10, 139),
        "Total_Ct_Chng_Q4_Q1": d.real(0.2, 1.5, 3), "Avg_Utilization_Ratio": d.real(0, 0.999, 3), f"{model}1": nb, f"{model}2": [round(1 - x, 8) for x in nb],
    })  # fmt: skip


def make_campaign() -> str:
    """Return a marketing campaign, with tabs, years of birth and dates."""
    d = Draw(9)
    income = [("" if x < 0.02 else int(y)) for x, y in zip(d.real(0, 1), d.skewed(50_000, 0.4), strict=True)]
    return to_csv({
        "ID": [5524 + 7 * i for i in range(ROWS)], "Year_Birth": d.whole(1940, 1996),
        "Education": d.pick("Graduation", "PhD", "Master", "Basic", "2n Cycle"), "Marital_Status": d.pick("Single", "Together", "Married", "Widow"),
        "Income": income, "Kidhome": d.whole(0, 2), "Teenhome": d.whole(0, 2), "Dt_Customer": d.days("2012-07-30", "2014-06-29", "%d-%m-%Y"),
        "Recency": d.whole(0, 99),
        **{f"Mnt{name}": [int(x) for x in d.skewed(60, 1.3)] for name in ("Wines", "Fruits", "MeatProducts", "FishProducts", "SweetProducts", "GoldProds")},
        "NumDealsPurchases": d.few(2), "NumWebPurchases": d.few(4), "NumCatalogPurchases": d.few(2), "NumStorePurchases": d.few(6),
        "NumWebVisitsMonth": d.few(5), **{f"AcceptedCmp{i}": d.pick(0, 1, p=[0.93, 0.07]) for i in (3, 4, 5, 1, 2)},
        "Complain": d.pick(0, 1, p=[0.99, 0.01]), "Z_CostContact": [3] * ROWS, "Z_Revenue": [11] * ROWS, "Response": d.pick(0, 1, p=[0.85, 0.15]),
    }, "\t")  # fmt: skip


def make_german_credit() -> str:
    """Return loans with an index without a name, and NA."""
    d = Draw(10)
    return to_csv({
        "": list(range(ROWS)), "Age": d.whole(19, 75), "Sex": d.pick("male", "female"), "Job": d.whole(0, 3), "Housing": d.pick("own", "free", "rent"),
        "Saving accounts": d.pick("NA", "little", "moderate", "quite rich", "rich"), "Checking account": d.pick("NA", "little", "moderate", "rich"),
        "Credit amount": [int(x) for x in d.skewed(2300, 0.8)], "Duration": d.pick(6, 12, 18, 24, 36, 48, 60),
        "Purpose": d.pick("car", "radio/TV", "furniture/equipment", "business", "education"), "Risk": d.pick("good", "bad"),
    })  # fmt: skip


def make_ecommerce() -> str:
    """Return customers of a clothing shop, with e-mail addresses as ids."""
    d = Draw(11)
    return to_csv({
        "Email": [f"name{i}@example.com" for i in range(ROWS)], "Address": [f"{i} Some Road\nTown, XX {10000 + i}" for i in range(ROWS)],
        "Avatar": [f"Colour{x}" for x in d.whole(1, 140)], "Avg. Session Length": d.real(29, 36, 9), "Time on App": d.real(8, 15, 9),
        "Time on Website": d.real(33, 40, 9), "Length of Membership": d.real(0.3, 7, 9), "Yearly Amount Spent": d.real(256, 765, 9),
    })  # fmt: skip


def make_reviews() -> str:
    """Return average ratings of kinds of places."""
    d = Draw(12)
    return to_csv(
        {"User ID": [f"User {i}" for i in range(1, ROWS + 1)], **{f"Category {i}": d.real(0, 4) for i in range(1, 11)}}
    )


def make_adult() -> str:
    """Return a census, with points in its names and question marks."""
    d = Draw(13)
    return to_csv({
        "age": d.whole(17, 90), "workclass": d.pick("Private", "?", "State-gov", "Self-emp-inc"), "fnlwgt": d.whole(12_285, 900_000),
        "education": d.pick("HS-grad", "Some-college", "Bachelors", "Masters", "11th"), "education.num": d.whole(1, 16),
        "marital.status": d.pick("Never-married", "Divorced", "Married-civ-spouse"), "occupation": d.pick("?", "Sales", "Craft-repair", "Tech-support"),
        "relationship": d.pick("Husband", "Wife", "Own-child", "Unmarried"), "race": d.pick("White", "Black", "Other"), "sex": d.pick("Male", "Female"),
        "capital.gain": d.pick(0, 7688, 3103, 99999, 15024, p=[0.92, 0.02, 0.02, 0.02, 0.02]), "capital.loss": d.pick(0, 1902, 1977, p=[0.95, 0.03, 0.02]),
        "hours.per.week": d.whole(1, 99), "native.country": d.pick("United-States", "Mexico", "?"), "income": d.pick("<=50K", ">50K"),
    })  # fmt: skip


def make_insurance() -> str:
    """Return insured persons."""
    d = Draw(14)
    return to_csv({
        "age": d.whole(18, 64), "sex": d.pick("female", "male"), "bmi": d.real(16, 50, 3), "children": d.whole(0, 5),
        "smoker": d.pick("yes", "no"), "region": d.pick("southwest", "southeast", "northwest", "northeast"), "charges": d.skewed(9000, 0.8, 5),
    })  # fmt: skip


def make_bank_exits() -> str:
    """Return a bank's customers with row numbers and surnames."""
    d = Draw(15)
    balance = [x if y else 0 for x, y in zip(d.real(30_000, 200_000), d.pick(0, 1, p=[0.36, 0.64]), strict=True)]
    return to_csv({
        "RowNumber": list(range(1, ROWS + 1)), "CustomerId": [15_565_701 + 13 * int(x) for x in d.rng.permutation(ROWS)],
        "Surname": [f"Name{chr(97 + x % 26)}{chr(97 + x // 26)}" for x in d.whole(0, 300)], "CreditScore": d.whole(350, 850),
        "Geography": d.pick("France", "Spain", "Germany"), "Gender": d.pick("Female", "Male"), "Age": d.whole(18, 92), "Tenure": d.whole(0, 10),
        "Balance": balance, "NumOfProducts": d.whole(1, 4), "HasCrCard": d.pick(0, 1), "IsActiveMember": d.pick(0, 1),
        "EstimatedSalary": d.real(11, 200_000), "Exited": d.pick(0, 1, p=[0.8, 0.2]),
    })  # fmt: skip


def make_vehicles() -> str:
    """Return holders of a car insurance, with bands in words."""
    d = Draw(16)
    return to_csv({
        "id": list(range(1, ROWS + 1)), "Gender": d.pick("Male", "Female"), "Age": d.whole(20, 85), "Driving_License": d.pick(0, 1, p=[0.01, 0.99]),
        "Region_Code": [float(x) for x in d.whole(0, 52)], "Previously_Insured": d.pick(0, 1), "Vehicle_Age": d.pick("< 1 Year", "1-2 Year", "> 2 Years"),
        "Vehicle_Damage": d.pick("Yes", "No"), "Annual_Premium": [float(int(x)) for x in d.skewed(30_000, 0.5)],
        "Policy_Sales_Channel": [float(x) for x in d.pick(26, 152, 160, 124)], "Vintage": d.whole(10, 299), "Response": d.pick(0, 1, p=[0.88, 0.12]),
    })  # fmt: skip


def make_calls() -> str:
    """Return telephone calls by time of day, where charges repeat minutes."""
    d = Draw(17)
    day, evening, night = d.real(50, 300, 1), d.real(50, 300, 1), d.real(50, 300, 1)
    return to_csv({
        "State": d.pick("KS", "OH", "NJ", "OK"), "Account length": d.whole(1, 240), "Area code": d.pick(408, 415, 510),
        "Phone number": [f"{300 + i}-{4000 + i}" for i in range(ROWS)], "International plan": d.pick("No", "Yes"), "Voice mail plan": d.pick("No", "Yes"),
        "Number vmail messages": d.pick(0, 25, 30, 33, p=[0.72, 0.1, 0.1, 0.08]), "Total day minutes": day, "Total day calls": d.whole(30, 165),
        "Total day charge": [round(0.17 * x, 2) for x in day], "Total eve minutes": evening, "Total eve calls": d.whole(30, 165),
        "Total eve charge": [round(0.085 * x, 2) for x in evening], "Total night minutes": night, "Total night calls": d.whole(30, 165),
        "Total night charge": [round(0.045 * x, 2) for x in night], "Customer service calls": d.few(1.5), "Churn": d.pick("False", "True"),
    })  # fmt: skip


PUBLIC_TABLES: dict[str, Callable[[], str]] = {
    "telco": make_telco, "mall": make_mall, "bank": make_bank, "employees": make_employees, "shoppers": make_shoppers,
    "wholesale": make_wholesale, "credit_default": make_credit_default, "bank_churners": make_bank_churners, "campaign": make_campaign,
    "german_credit": make_german_credit, "ecommerce": make_ecommerce, "reviews": make_reviews, "adult": make_adult,
    "insurance": make_insurance, "bank_exits": make_bank_exits, "vehicles": make_vehicles, "calls": make_calls,
}  # fmt: skip
