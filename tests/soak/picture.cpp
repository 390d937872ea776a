#include "soak/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <set>
#include <sstream>

namespace spex::soak {
namespace {

constexpr double kWidth = 1180;
constexpr double kHeight = 700;
constexpr double kLeft = 70;
constexpr double kRight = 1150;
constexpr double kRunTop = 78;
constexpr double kRunBottom = 218;
constexpr double kFaultStrip = 14;  // per kind, below the curve of the run
constexpr double kDetailTop = 385;
constexpr double kDetailBottom = 640;
constexpr double kUnknownBand = 34;  // above the detail
constexpr std::size_t kDotsMax = 2'500;
constexpr double kDetailSeconds = 8;
constexpr double kFastest = 1e-4;  // seconds, the axis of the answers' times
constexpr double kSlowest = 10;

struct FaultKind {
  const char* label;
  const char* colour;
};
// Rows of the strip, from above.
constexpr std::array<FaultKind, 4> kFaultKinds = {{{"kill: shard", "#b2182b"},
                                                   {"kill: router", "#762a83"},
                                                   {"kill: supervisor", "#1b1b1b"},
                                                   {"pause, freeze, clock, client, restart", "#8c8c8c"}}};

std::size_t kind_of(const Fault& fault) {
  if (fault.kind != "kill") return 3;
  if (fault.target == "router") return 1;
  return fault.target == "supervisor" ? 2 : 0;
}

double seconds(Micros time) { return static_cast<double>(time) / 1e6; }

class Drawing {
 public:
  Drawing(const History& history, const Report& report) : history_(history), report_(report) {
    length_ = std::max(report.seconds, 1.0);
    for (const Violation& violation : report.violations)
      for (const Operation& operation : violation.minimal.operations) guilty_.insert(operation.number);
    choose_detail();
    for (const Operation& operation : history_.operations) {
      if (seconds(operation.invoked) < from_ || seconds(operation.invoked) > to_ || operation.async) continue;
      shown_.push_back(&operation);
    }
    out_ << std::fixed << std::setprecision(1);
  }

  std::string draw() {
    begin();
    draw_run();
    draw_faults_of_run();
    draw_detail_frame();
    draw_faults_of_detail();
    draw_dots();
    draw_legend();
    out_ << "</svg>\n";
    return out_.str();
  }

 private:
  // The stretch with the most to see: around a violation, else around a killed supervisor in the middle.
  void choose_detail() {
    Micros centre = static_cast<Micros>(length_ * 5e5);
    Micros best = kNever;
    for (const Fault& fault : history_.faults) {
      const Micros distance = std::abs(fault.at - static_cast<Micros>(length_ * 5e5));
      if (kind_of(fault) != 2 || distance >= best) continue;
      best = distance;
      centre = fault.at;
    }
    if (!report_.violations.empty()) {
      for (const Operation& operation : report_.violations.front().minimal.operations) centre = operation.invoked;
    }
    from_ = std::max(0.0, std::min(seconds(centre) - kDetailSeconds / 2, length_ - kDetailSeconds));
    to_ = std::min(length_, from_ + kDetailSeconds);
  }

  double run_x(double time) const { return kLeft + (kRight - kLeft) * time / length_; }
  double detail_x(double time) const { return kLeft + (kRight - kLeft) * (time - from_) / (to_ - from_); }
  static double detail_y(double answer) {
    const double share = std::log(std::clamp(answer, kFastest, kSlowest) / kFastest) / std::log(kSlowest / kFastest);
    return kDetailBottom - (kDetailBottom - kDetailTop) * share;
  }

  void text(double x, double y, const std::string& what, const char* anchor = "start", int size = 12,
            const char* colour = "#333", const char* more = "") {
    out_ << "<text x=\"" << x << "\" y=\"" << y << "\" font-size=\"" << size << "\" text-anchor=\"" << anchor
         << "\" fill=\"" << colour << "\" " << more << ">" << what << "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2, const char* colour, double width, const char* more = "") {
    out_ << "<line x1=\"" << x1 << "\" y1=\"" << y1 << "\" x2=\"" << x2 << "\" y2=\"" << y2 << "\" stroke=\"" << colour
         << "\" stroke-width=\"" << width << "\" " << more << "/>\n";
  }

  void begin() {
    out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << kWidth << ' ' << kHeight << "\" width=\""
         << kWidth << "\" height=\"" << kHeight << "\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n"
         << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    std::ostringstream head;
    head << report_.acknowledged << " acknowledged operations in " << std::fixed << std::setprecision(0)
         << report_.seconds << " s under " << report_.fault_count() << " faults: " << report_.lost << " lost, "
         << report_.doubled << " doubled, " << report_.out_of_order << " out of order";
    if (report_.other != 0) head << ", " << report_.other << " other violations";
    text(kLeft, 32, head.str(), "start", 16, report_.fine() ? "#1a1a1a" : "#d7191c", "font-weight=\"bold\"");
    const std::size_t every = shown_.size() / kDotsMax + 1;
    const std::string thinned = every == 1 ? "" : "; one answered operation in " + std::to_string(every) + " is drawn";
    text(kLeft, 54,
         "seed " + std::to_string(report_.seed) + "; above the whole run, below " + number(to_ - from_) +
             " seconds of it, marked grey above" + thinned);
  }

  static std::string number(double value) {
    std::ostringstream out;
    if (value >= 10 || value == std::floor(value)) {
      out << std::fixed << std::setprecision(0) << value;
    } else {
      out << value;
    }
    return out.str();
  }

  void draw_run() {
    const double bin = std::max(1.0, length_ / 540);
    std::vector<double> rate(static_cast<std::size_t>(length_ / bin) + 1);
    for (const Operation& operation : history_.operations) {
      if (operation.responded == kNever || operation.outcome == Outcome::not_executed) continue;
      const auto at = static_cast<std::size_t>(seconds(operation.responded) / bin);
      if (at < rate.size()) rate[at] += 1 / bin;
    }
    const double most = std::max(1.0, *std::max_element(rate.begin(), rate.end()));
    out_ << "<rect x=\"" << run_x(from_) << "\" y=\"" << kRunTop << "\" width=\"" << run_x(to_) - run_x(from_)
         << "\" height=\"" << kRunBottom - kRunTop + 4 * kFaultStrip << "\" fill=\"#e4e4e4\"/>\n";
    out_ << "<path fill=\"#9ecae1\" stroke=\"#3182bd\" stroke-width=\"0.8\" d=\"M" << kLeft << ' ' << kRunBottom;
    for (std::size_t i = 0; i < rate.size(); ++i) {
      const double y = kRunBottom - (kRunBottom - kRunTop) * rate[i] / most;
      const double begin = std::min(kRight, run_x(static_cast<double>(i) * bin));
      const double end = std::min(kRight, run_x(static_cast<double>(i + 1) * bin));
      out_ << " L" << begin << ' ' << y << " L" << end << ' ' << y;
    }
    out_ << " L" << kRight << ' ' << kRunBottom << " Z\"/>\n";
    text(kLeft - 8, kRunTop + 8, number(std::round(most)), "end", 11);
    text(kLeft - 8, kRunTop + 22, "per second", "end", 10, "#777");
    text(kLeft - 8, kRunBottom, "0", "end", 11);
    line(kLeft, kRunBottom, kRight, kRunBottom, "#333", 1);
  }

  void draw_faults_of_run() {
    std::array<std::string, kFaultKinds.size()> marks;
    for (const Fault& fault : history_.faults) {
      const std::size_t kind = kind_of(fault);
      std::ostringstream mark;
      mark << std::fixed << std::setprecision(1) << 'M' << run_x(seconds(fault.at)) << ' '
           << kRunBottom + 3 + static_cast<double>(kind) * kFaultStrip << 'v' << kFaultStrip - 4;
      marks[kind] += mark.str();
    }
    const double width = std::clamp(1.6 * 250 / static_cast<double>(history_.faults.size() + 1), 0.6, 1.6);
    for (std::size_t kind = 0; kind < marks.size(); ++kind) {
      if (marks[kind].empty()) continue;
      out_ << "<path d=\"" << marks[kind] << "\" stroke=\"" << kFaultKinds[kind].colour << "\" stroke-width=\"" << width
           << "\" fill=\"none\"/>\n";
    }
    const double y = kRunBottom + 4 * kFaultStrip + 16;
    for (int i = 0; i <= 6; ++i) {
      const double time = length_ * i / 6;
      text(run_x(time), y, number(std::round(time)) + " s", "middle", 11);
    }
  }

  void draw_detail_frame() {
    for (const auto& [time, label] : {std::pair(1e-4, "0.1 ms"), std::pair(1e-3, "1 ms"), std::pair(1e-2, "10 ms"),
                                      std::pair(1e-1, "100 ms"), std::pair(1.0, "1 s"), std::pair(10.0, "10 s")}) {
      line(kLeft, detail_y(time), kRight, detail_y(time), "#ddd", 1);
      text(kLeft - 8, detail_y(time) + 4, label, "end", 11);
    }
    text(kLeft - 8, kDetailTop - kUnknownBand / 2, "unknown", "end", 11, "#d95f02");
    out_ << "<rect x=\"" << kLeft << "\" y=\"" << kDetailTop - kUnknownBand << "\" width=\"" << kRight - kLeft
         << "\" height=\"" << kUnknownBand - 8 << "\" fill=\"#fdf1e6\"/>\n";
    for (double time = std::ceil(from_); time <= to_; time += 1)
      text(detail_x(time), kDetailBottom + 18, number(time) + " s", "middle", 11);
  }

  void draw_faults_of_detail() {
    double free_from = 0;  // labels do not run into each other
    for (const Fault& fault : history_.faults) {
      const double time = seconds(fault.at);
      if (time < from_ || time > to_) continue;
      const double x = detail_x(time);
      const char* colour = kFaultKinds[kind_of(fault)].colour;
      const bool kill = fault.kind == "kill";
      line(x, kDetailTop - kUnknownBand, x, kDetailBottom, colour, kill ? 1.4 : 1,
           kill ? "" : "stroke-dasharray=\"4 3\"");
      const double label_x = std::max(x, free_from);
      if (label_x > x + 40) continue;
      std::ostringstream turn;
      turn << "transform=\"rotate(-38 " << label_x << ' ' << kDetailTop - kUnknownBand - 5 << ")\"";
      text(label_x, kDetailTop - kUnknownBand - 5, fault.kind + " " + fault.target, "start", 10, colour,
           turn.str().c_str());
      free_from = label_x + 13;
    }
  }

  void draw_dots() {
    const std::size_t every = shown_.size() / kDotsMax + 1;
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const Operation& operation = *shown_[i];
      const double x = detail_x(seconds(operation.invoked));
      if (guilty_.count(operation.number) != 0) continue;  // drawn last, on top
      if (operation.outcome == Outcome::unknown) {
        dot(x, unknown_y(operation), "#d95f02", 2, 0.8);
      } else if (i % every == 0) {
        const bool done = operation.outcome != Outcome::not_executed;
        dot(x, answer_y(operation), done ? "#2b7bba" : "#999", 1.5, 0.55);
      }
    }
    for (const Operation* operation : shown_) {
      if (guilty_.count(operation->number) == 0) continue;
      dot(detail_x(seconds(operation->invoked)),
          operation->outcome == Outcome::unknown ? unknown_y(*operation) : answer_y(*operation), "#d7191c", 4.5, 1);
    }
  }

  void dot(double x, double y, const char* colour, double radius, double opacity) {
    out_ << "<circle cx=\"" << x << "\" cy=\"" << y << "\" r=\"" << radius << "\" fill=\"" << colour
         << "\" fill-opacity=\"" << std::setprecision(2) << opacity << std::setprecision(1) << "\"/>\n";
  }
  static double answer_y(const Operation& operation) {
    return detail_y(seconds(operation.responded - operation.invoked));
  }
  static double unknown_y(const Operation& operation) {
    return kDetailTop - kUnknownBand + 4 + static_cast<double>(operation.number * 7 % 18);
  }

  void draw_legend() {
    double x = kLeft;
    const double y = kHeight - 14;
    const auto entry = [&](const char* colour, const std::string& label, bool round) {
      if (round) {
        dot(x + 5, y - 4, colour, 4, 1);
      } else {
        line(x + 5, y - 11, x + 5, y + 2, colour, 2);
      }
      text(x + 14, y, label, "start", 11);
      x += 30 + 6.4 * static_cast<double>(label.size());
    };
    entry("#2b7bba", "answered", true);
    entry("#999", "not executed", true);
    entry("#d95f02", "unknown (no answer)", true);
    entry("#d7191c", "part of a violation", true);
    for (const FaultKind& kind : kFaultKinds) entry(kind.colour, kind.label, false);
  }

  const History& history_;
  const Report& report_;
  double length_ = 1;
  double from_ = 0;
  double to_ = 1;
  std::set<std::uint64_t> guilty_;
  std::vector<const Operation*> shown_;  // in the detail
  std::ostringstream out_;
};

}  // namespace

std::string draw(const History& history, const Report& report) { return Drawing(history, report).draw(); }

}  // namespace spex::soak
