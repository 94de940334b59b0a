// The files that are served as they are, embedded at build time.
#pragma once

#include <string_view>

namespace sluice::http_admin::assets {

extern const std::string_view index_html, dashboard_css, dashboard_js, openapi_json;

}  // namespace sluice::http_admin::assets
